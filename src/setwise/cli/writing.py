"""Write tables for users, whole or not at all: Parquet, CSV or into a copy of an AnnData file, by the suffix."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from setwise._checks import InputError
from setwise._files import atomic_write, make_directory

_SUFFIXES = (".parquet", ".csv")
ANNDATA = ".h5ad"
_PREDICTIONS = "setwise_predictions"  # the entry of uns


def check_writable(
    path: Path, *, overwrite: bool, suffixes: tuple[str, ...] = _SUFFIXES, inputs: Sequence[Path | None] = ()
) -> None:
    """Refuse a file before anything is computed for it.

    Raises:
        InputError: a suffix that tells no format, a file that is there, one of the ``inputs``; no such folder,
            or one that cannot be written to.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"--out must end in {' or '.join(suffixes)}; got {path}.")
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


def check_anndata(out: Path, source: Path) -> None:
    """Refuse to write an AnnData file where none was read.

    Raises:
        InputError: another source.
    """
    if out.suffix.lower() == ANNDATA and source.suffix.lower() != ANNDATA:
        raise InputError(
            f"{out} would be a copy of the AnnData file that is predicted, and {source} is none. "
            f"End --out in {' or '.join(_SUFFIXES)}."
        )


def write_predictions(table: pa.Table, path: Path, *, source: Path, set_id: str) -> None:
    """Write predictions, as a table or as ``uns["setwise_predictions"]``, a data frame, of a copy of an AnnData file.

    Args:
        table: a row per set, ``set_id`` first.
        path: where to.
        source: what was predicted.
        set_id: the column of ``obs`` that names the sample of each cell.

    Raises:
        InputError: the directory cannot be written to, or the disk is full.
    """
    if path.suffix.lower() != ANNDATA:
        write_tables([table], path)
        return
    from setwise.readers.anndata.write import write_anndata  # an optional package

    frame = table.to_pandas().set_index("set_id")
    write_anndata(source, path, set_id=set_id, uns={_PREDICTIONS: frame})
