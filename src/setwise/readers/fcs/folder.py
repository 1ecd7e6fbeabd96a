"""The FCS files of a folder, a pattern or a single path, and the rows of the table of sets that they belong to."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.per_set import read_sets
from setwise.store.ids import texts
from setwise.store.reading import Reading
from setwise.store.tables import listed

SUFFIXES = (".fcs", ".lmd")
FILE_COLUMNS = ("fcs_filename", "fcs_file", "filename", "file_name", "file", "fcs", "path")
_LEAVE_OUT = "or leave out whatever does not fit (--skip-bad)"


@dataclass
class Sources:
    """Files, each of them a set, with the table of sets in the same order.

    Attributes:
        paths: the files.
        ids: names of the sets.
        table: rows of the table of sets, ``set_id`` first; none without a table.
        skipped: files and rows that were left out, and why.
        problems: what is at fault, where reading is to go on.
    """

    paths: list[Path]
    ids: list[str]
    table: pa.Table | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, rows: Sequence[int]) -> "Sources":
        """Some of the files."""
        table = None if self.table is None else self.table.take(pa.array(np.asarray(rows, np.int64)))
        paths, ids = [self.paths[row] for row in rows], [self.ids[row] for row in rows]
        return Sources(paths, ids, table, self.skipped, self.problems)

    def copy_names(self) -> dict[str, str]:
        """By the names of the sets, those of copies of their files: the files' own; where two have one, the set's."""
        own = [path.name for path in self.paths]
        return {
            name: file if own.count(file) == 1 else f"{name.replace('/', '_')}.fcs"
            for name, file in zip(self.ids, own, strict=True)
        }


def is_fcs(source: Any) -> bool:
    """Whether a source is a folder, a pattern, an FCS file, or a list of FCS files."""
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(x, str | Path) and is_fcs(x) and not Path(x).is_dir() for x in source)
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    return path.is_dir() or _is_pattern(path) or path.suffix.lower() in SUFFIXES or _begins_with_fcs(path)


def sources_as_read(source: Any, sets: Any, set_id: str, reading: Reading) -> Sources:
    """The files that `setwise.readers.read` reads of a source; arguments as for it.

    Raises:
        InputError: as for `find_sources`.
    """
    table, where = (None, "") if sets is None else read_sets(sets, set_id)
    return find_sources(
        source, table, where, set_id=set_id, file_column=reading.file_column, skip=reading.skip_bad, strict=True
    )


def find_sources(
    source: Any, table: pa.Table | None, where: str, *, set_id: str, file_column: str | None, skip: bool, strict: bool
) -> Sources:
    """Find the files of the sets and bring the table into their order.

    The table names files in ``file_column``, else in a column with one of the usual names, else by ``set_id``: as
    paths below the folder, or by their names alone where no other file has the same, with or without the suffix.

    Args:
        source: what `is_fcs` knows.
        table: the table of sets as it is, or none.
        where: how errors name the table.
        set_id: the column that names the sets; without it, sets have the names of their files.
        file_column: the column that names the files, or none.
        skip: leave out files without rows and rows without files.
        strict: raise for the first problem; else keep the problems.

    Raises:
        InputError: no files, a table without names of files, rows without files, files without rows, one file twice.
    """
    root, paths = _list(source)
    if not paths:
        what = "is a folder without FCS files" if Path(source).is_dir() else "matches no FCS files"
        raise InputError(f"{source} {what} (.fcs, .lmd). Give the path of a file, or of the folder that has them.")
    if table is None:
        return Sources(paths, [_label(path, root) for path in paths])
    column = _file_column(table, where, set_id, file_column)
    names = texts(table[column].combine_chunks(), column=column, where=where)
    found = Sources([], [], None)
    index = _index(paths, root)
    rows: list[int] = []
    absent: list[str] = []
    for row, name in enumerate(names):
        path = _resolve(name or "", index, root, where, row, column)
        if path is None:
            absent.append(name or f"row {row + 1}")
        elif path in found.paths:
            raise InputError(
                f"{where}: every file must have one row; rows {rows[found.paths.index(path)] + 1} and {row + 1} of "
                f"column {column!r} both name {path.name}. Drop one of them."
            )
        else:
            rows.append(row)
            found.paths.append(path)
    if not rows:
        raise InputError(
            f"{where}: column {column!r} names none of the {len(paths)} FCS files below {root}: it has "
            f"{listed(names, 3)}; the files are {listed([_label(path, root) for path in paths], 3)}. "
            "Name the column of files with --file-column."
        )
    unlabelled = [path for path in paths if path not in set(found.paths)]
    _tell(found, absent, unlabelled, root, where, column, skip=skip, strict=strict)
    kept = table.take(pa.array(rows, pa.int64()))
    has_ids = set_id in table.column_names
    ids = texts(kept[set_id].combine_chunks(), column=set_id, where=where) if has_ids else None
    found.ids = [_label(path, root) for path in found.paths] if ids is None else ids
    kept = kept.drop_columns([set_id]) if has_ids else kept
    found.table = kept.add_column(0, set_id, pa.array(found.ids, pa.string()))
    return found


def _list(source: Any) -> tuple[Path, list[Path]]:
    """The folder that names of files are relative to, and the FCS files."""
    if isinstance(source, list | tuple):
        paths = [Path(x) for x in source]
        for path in paths:
            if not path.is_file():
                raise InputError(f"there is no file {path}.")
        return (paths[0].parent if len({path.parent for path in paths}) == 1 else Path()), paths
    path = Path(source)
    if path.is_dir():
        return path, sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and _is_seen(p, path))
    if path.is_file():
        return path.parent, [path]
    if _is_pattern(path):
        parts = path.parts
        first = next(n for n, part in enumerate(parts) if any(sign in part for sign in "*?["))
        root = Path(*parts[:first])
        return root, sorted(p for p in root.glob(str(Path(*parts[first:]))) if p.is_file() and _is_seen(p, root))
    raise InputError(f"there is no file or folder {path}.")


def _is_seen(path: Path, root: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[") and not path.exists()


def _begins_with_fcs(path: Path) -> bool:
    """Whether a file without a suffix that says so begins as FCS files do (instruments number them: ``.001``)."""
    if path.suffix.lower() in (".csv", ".tsv", ".parquet", ".arrow", ".h5", ".h5ad", ".npz", ".root"):
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"FCS2", b"FCS3", b"FCS4", b"FCS1")
    except OSError:
        return False


def _label(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def _plain(text: str) -> str:
    """Names of files as they compare: one form of accented letters (macOS writes two characters), forward slashes."""
    return unicodedata.normalize("NFC", text.strip().replace("\\", "/").removeprefix("./"))


def _index(paths: Sequence[Path], root: Path) -> dict[str, list[Path]]:
    """Files by every name that a table may give them; where it is the name of several, all of them."""
    index: dict[str, list[Path]] = {}
    for path in paths:
        label = _plain(_label(path, root))
        for name in {label, label.rpartition(".")[0], _plain(path.name), _plain(path.stem)}:
            index.setdefault(name, []).append(path)
    for path in paths:  # the path below the folder is the name of one file alone
        index[_plain(_label(path, root))] = [path]
    return index


def _resolve(name: str, index: dict[str, list[Path]], root: Path, where: str, row: int, column: str) -> Path | None:
    name = _plain(name)
    if not name:
        raise InputError(f"{where}: every row must name its file; column {column!r} is empty in row {row + 1}.")
    candidates = index.get(name, [])
    if len(candidates) > 1:
        raise InputError(
            f"{where}: {name!r} in row {row + 1} is the name of {len(candidates)} files: "
            f"{listed([_label(path, root) for path in candidates], 3)}. Write their paths below {root}."
        )
    if candidates:
        return candidates[0]
    for path in (root / name, Path(name)):
        if path.is_file():  # a suffix that folders are not searched for, or a file elsewhere
            return path
    return None


def _file_column(table: pa.Table, where: str, set_id: str, file_column: str | None) -> str:
    if file_column is not None:
        if file_column not in table.column_names:
            raise InputError(f"{where} has no column {file_column!r}; it has {listed(table.column_names)}.")
        return file_column
    usual = [name for name in table.column_names if name.strip().lower().replace(" ", "_") in FILE_COLUMNS]
    if len(usual) > 1:
        first = min(usual, key=lambda name: FILE_COLUMNS.index(name.strip().lower().replace(" ", "_")))
        usual = [first]
    if usual:
        return usual[0]
    if set_id in table.column_names:
        return set_id
    raise InputError(
        f"{where} must have a column that names the file of each set; it has {listed(table.column_names)}. "
        "Name the column with --file-column."
    )


def _tell(
    found: Sources,
    absent: Sequence[str],
    unlabelled: Sequence[Path],
    root: Path,
    where: str,
    column: str,
    *,
    skip: bool,
    strict: bool,
) -> None:
    """Rows without files and files without rows: refused, kept as problems, or left out."""
    labels = [_label(path, root) for path in unlabelled]
    if skip:
        found.skipped |= dict.fromkeys(absent, f"{where} names it, and there is no such file")
        found.skipped |= dict.fromkeys(labels, f"{where} has no row for it")
        return
    if absent:
        found.problems.append(
            f"{where}: every file must be there; {len(absent)} of those that column {column!r} names are not below "
            f"{root}: {listed(absent, 5)}. Mend the names, {_LEAVE_OUT}."
        )
    if labels:
        found.problems.append(
            f"{where}: every file must have a row; {len(labels)} below {root} have none in column {column!r}: "
            f"{listed(labels, 5)}. Add their rows, {_LEAVE_OUT}."
        )
    if strict and found.problems:
        raise InputError(found.problems[0])
