"""Suffixes of files of tables, and what decides the format of a file."""

from pathlib import Path

CSV_SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather")
EXCEL_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TABLE_SUFFIXES = (*CSV_SUFFIXES, *PARQUET_SUFFIXES, *ARROW_SUFFIXES)
_COMPRESSED = (".gz", ".bz2", ".zst")


def suffix_of(path: Path) -> str:
    """Return what decides the format: the last suffix in small letters, the one before where that is a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def stem_of(path: Path) -> str:
    """Return the name of a file without what decides its format and without a compression."""
    name = path.name
    if path.suffix.lower() in _COMPRESSED:
        name = name[: -len(path.suffix)]
    return name[: -len(suffix)] if (suffix := suffix_of(path)) and name.lower().endswith(suffix) else name


def without_suffix(label: str) -> str:
    """Return a path with forward slashes without what decides the format of its file (`stem_of`)."""
    return label[: label.rfind("/") + 1] + stem_of(Path(label))
