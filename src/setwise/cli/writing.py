"""Write tables for users, whole or not at all: Parquet, CSV or into a copy of what was read, by the suffix."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from setwise._checks import InputError
from setwise._files import atomic_write, make_directory
from setwise.readers.copier import SetsCopier
from setwise.readers.registry import SETS_COPIERS

TABLES = (".parquet", ".csv")
PREDICTIONS = (*TABLES, *(suffix for copier in SETS_COPIERS for suffix in copier.suffixes))


def check_writable(
    path: Path,
    *,
    overwrite: bool,
    suffixes: tuple[str, ...] = TABLES,
    inputs: Sequence[Path | None] = (),
    option: str = "--out",
) -> None:
    """Refuse a file before anything is computed for it.

    Raises:
        InputError: a suffix that tells no format, a file that is there, one of the ``inputs``; no such folder,
            or one that cannot be written to.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} must end in {' or '.join(suffixes)}; got {path}.")
    if path.is_dir():
        raise InputError(f"{path} must be a file, and is a directory. Name a file in it.")
    if path.exists() and any(other is not None and other.exists() and path.samefile(other) for other in inputs):
        raise InputError(f"{path} is read and would be replaced by what is written. Name another file.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already. Name another file, or replace it with --overwrite.")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no directory {path.parent}. Make it first.")
    make_directory(path.parent)  # which proves that files can be written to it


def write_tables(tables: Iterable[pa.Table], path: Path) -> list[str]:
    """Write tables of the same columns one after the other into a file, as they come; whole or not at all.

    Returns:
        Names of the columns.

    Raises:
        InputError: the directory cannot be written to, or the disk is full.
    """
    names: list[str] = []
    make: Any = pyarrow.csv.CSVWriter if path.suffix.lower() == ".csv" else pyarrow.parquet.ParquetWriter
    with atomic_write(path) as aside, ExitStack() as stack:
        writer: Any = None
        for table in tables:
            if writer is None:
                names = table.column_names
                writer = stack.enter_context(make(str(aside), table.schema))
            writer.write_table(table)
    return names


def sets_copier(out: Path) -> SetsCopier | None:
    """Return the format of a file to write that is a copy with predictions of sets; none of a table."""
    return next((copier for copier in SETS_COPIERS if out.suffix.lower() in copier.suffixes), None)


def check_copy(out: Path, source: Path) -> None:
    """Refuse to write a copy of another format than was read.

    Raises:
        InputError: such a source.
    """
    copier = sets_copier(out)
    if copier is not None and not copier.takes(source):
        raise InputError(
            f"{out} would be a copy of what is predicted, which must be of {copier.name}; {source} is not. "
            f"End --out in {' or '.join(TABLES)}."
        )


def write_predictions(table: pa.Table, path: Path, *, source: Path, set_id: str) -> None:
    """Write predictions of sets, as a table or into a copy of what was read, by the suffix.

    Args:
        table: a row per set, ``set_id`` first.
        path: where to.
        source: what was predicted.
        set_id: the column that names the set of each element.

    Raises:
        InputError: the directory cannot be written to, or the disk is full.
    """
    copier = sets_copier(path)
    if copier is None:
        write_tables([table], path)
    else:
        copier.copy_with_sets(source, path, table, set_id)
