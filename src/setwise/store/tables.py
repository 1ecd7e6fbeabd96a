"""Open tables some rows at a time: CSV, Parquet, Arrow, and anything in memory that speaks Arrow."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyarrow import compute

from setwise._checks import InputError
from setwise.store.kinds import WITH_POINTS, comma_number, is_number, is_text, not_numbers
from setwise.store.steps import step_of
from setwise.store.suffixes import (
    ARROW_SUFFIXES,
    CSV_SUFFIXES,
    EXCEL_SUFFIXES,
    PARQUET_SUFFIXES,
    TABLE_SUFFIXES,
    suffix_of,
)

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_READ_AT_ONCE = 1 << 20  # bytes of a column of a Parquet file
ROWS = 1 << 18  # rows read at a time
BYTES = 1 << 26  # bytes of a Parquet file read at a time, about
BLOCK = 1 << 24  # bytes of a CSV file read at a time
MISSING_TEXTS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")


@dataclass(frozen=True)
class LazyTable:
    """A table that is read when it is asked for, more than once, some rows at a time.

    Attributes:
        name: how errors name it: its path, or what it is.
        schema: names and types of the columns.
        read: from names of columns to batches of rows of these columns, in the order of the table.
        place: how errors name a row, counted from 0: by its number from 1, where the table is one file.
        left_out: what the source has besides, which is no column that can be read, and why.
        groups: names that stand for several columns.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    place: Callable[[int], str] = lambda row: f"row {row + 1}"
    left_out: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return self.schema.names

    def load(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of all rows."""
        batches = list(self.read(columns))
        if batches:
            return pa.Table.from_batches(batches)
        return pa.schema([self.schema.field(name) for name in columns]).empty_table()

    def check_columns(self, names: Sequence[str]) -> None:
        """Refuse names of columns that the table does not have."""
        for name in names:
            if name not in self.columns:
                raise InputError(f"{self.name} has no column {name!r}; it has {listed(self.columns)}.")


def listed(names: Sequence[object], limit: int = 12) -> str:
    """Return names for an error, the first few of many."""
    shown = ", ".join(str(name) if name != "" else "'' (no name)" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


@contextmanager
def reading(path: Path | str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a library says of a file, in Arrow's exceptions or ``more``, into an error that names the file."""
    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError, *more) as error:
        text = str(error).rstrip(".")
        advice = "Is the file complete, and of the kind that its name says?"
        if "invalid utf8" in text.lower():
            advice = "Save the file in the encoding UTF-8."
        raise InputError(f"{path} cannot be read: {text}. {advice}") from error


def check_file(path: Path) -> None:
    """Refuse a path where there is no file."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the path of a file.")
    if not path.is_file():
        raise InputError(f"there is no file {path}.")


def open_table(source: object, *, set_id: str, stream: bool) -> LazyTable:
    """Open a table from a path or from memory.

    Args:
        source: path of a CSV, TSV, Parquet or Arrow file, or an object that speaks Arrow.
        set_id: the column that names the sets, read as text.
        stream: read a CSV file block by block, twice; otherwise it is loaded once, and types are known for sure.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        check_file(path)
        suffix = suffix_of(path)
        if suffix in CSV_SUFFIXES:
            _check_separator(path)
            rows = _stream_csv(path, set_id) if stream else _load_csv(path, set_id)
        elif suffix in PARQUET_SUFFIXES:
            rows = _open_parquet(path, set_id)
        elif suffix in ARROW_SUFFIXES:
            rows = _open_arrow(path)
        else:
            known = ", ".join((*TABLE_SUFFIXES, *EXCEL_SUFFIXES))
            raise InputError(f"{path} has no suffix of a table; it must be one of {known}. {step_of(path)}")
    else:
        rows = from_table(as_table(source), "the table")
    repeated = sorted(name for name, count in Counter(rows.columns).items() if count > 1)
    if repeated:
        raise InputError(f"{rows.name}: names of columns must differ; {listed(repeated)} is there twice.")
    return rows


def as_table(source: Any) -> pa.Table:
    """Return a table in memory as PyArrow has it: from objects that speak Arrow or a mapping of columns."""
    try:
        table = pa.table(dict(source) if isinstance(source, Mapping) else source)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InputError(f"the table cannot be read: {error}") from error
    return table


def from_table(table: pa.Table, name: str) -> LazyTable:
    """Return a table in memory; views of text, which Polars hands over, become text, which Arrow can compare."""
    views = [pa.types.is_string_view(field.type) for field in table.schema]
    if any(views):
        plain = zip(table.schema, views, strict=True)
        table = table.cast(pa.schema([f.with_type(pa.large_string()) if view else f for f, view in plain]))

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return iter(table.select(list(columns)).to_batches(max_chunksize=ROWS))

    return LazyTable(name, table.schema, read)


def _open_arrow(path: Path) -> LazyTable:
    with reading(path):
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate(full=True)  # a damaged file would end the process where its offsets are followed
        _check_names(table.schema)
    return from_table(table, str(path))


def _check_names(schema: pa.Schema) -> None:
    """Decode the names of the columns, where an error still names the file."""
    for name in schema.names:
        name.encode()


def _open_parquet(path: Path, set_id: str) -> LazyTable:
    with reading(path):
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            _check_names(schema)
            size = max(1, path.stat().st_size)
            batch_size = min(ROWS, 1 + BYTES * file.metadata.num_rows // size)  # rows with lists may be long
        kind = schema.field(set_id).type if set_id in schema.names else None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        as_codes = [set_id] if kind is not None and is_text(kind) else None
        # buffering beforehand would keep all that was read until the end, as much as the file is large
        options = {"read_dictionary": as_codes, "pre_buffer": False, "buffer_size": _READ_AT_ONCE}
        with reading(path), pq.ParquetFile(path, **options) as file:
            yield from file.iter_batches(batch_size=batch_size, columns=list(columns))

    return LazyTable(str(path), schema, read)


def _check_separator(path: Path) -> None:
    """Refuse a CSV file whose names of columns are separated by another sign than its suffix tells."""
    with reading(path), pa.input_stream(str(path)) as stream:  # decompresses by the suffix
        text = stream.read(1 << 16).decode(errors="replace")
    names = next(iter(text.lstrip("\ufeff\r\n").splitlines()), "")
    signs = {",": "','", ";": "';'", "\t": "tabs"}
    suffix = suffix_of(path)
    expected, found = CSV_SUFFIXES[suffix], max(signs, key=names.count)
    if expected not in names and found in names:
        advice = "Give the file the suffix .tsv" if found == "\t" else "Give the file the suffix .csv"
        if found == ";":
            advice = f"Save it with {signs[expected]} between the fields, and with points for decimal commas"
        raise InputError(
            f"{path}: the fields of a {suffix} file must be separated by {signs[expected]}; its names of columns are "
            f"separated by {signs[found]}. {advice}."
        )


def _csv_options(path: Path, **types: pa.DataType) -> dict[str, Any]:
    return {
        "parse_options": pa_csv.ParseOptions(delimiter=CSV_SUFFIXES[suffix_of(path)], newlines_in_values=True),
        "convert_options": pa_csv.ConvertOptions(column_types=types),
        "read_options": pa_csv.ReadOptions(block_size=BLOCK),
    }


def load_csv(path: Path, *texts: str) -> pa.Table:
    """Load a CSV file, some columns as text."""
    with reading(path):
        table = pa_csv.read_csv(path, **_csv_options(path, **dict.fromkeys(texts, pa.string())))
    _check_text(table.schema, path)
    return table


def _check_text(schema: pa.Schema, path: Path) -> None:
    """Refuse text of a CSV file in another encoding, which Arrow takes for bytes."""
    for column in schema:
        if pa.types.is_binary(column.type):
            raise InputError(
                f"{path}: column {column.name!r} is no text in UTF-8. Save the file in the encoding UTF-8."
            )


def _load_csv(path: Path, set_id: str) -> LazyTable:
    return from_table(load_csv(path, set_id), str(path))


def _stream_csv(path: Path, set_id: str) -> LazyTable:
    """Open a CSV file with the types of its first block; numbers are float64, since later ones may have fractions."""
    with reading(path), pa_csv.open_csv(path, **_csv_options(path, **{set_id: pa.string()})) as reader:
        found = reader.schema
    _check_text(found, path)
    others = [field for field in found if field.name != set_id and not pa.types.is_boolean(field.type)]
    numbers = [field.name for field in others if is_number(field.type) or pa.types.is_null(field.type)]
    types = {name: pa.float64() for name in numbers} | {set_id: pa.string()}
    schema = pa.schema([pa.field(f.name, types.get(f.name, f.type)) for f in found])

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        options = _csv_options(path, **types)
        options["convert_options"].include_columns = list(columns)
        try:
            with pa_csv.open_csv(path, **options) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as error:
            _name_text(path, [name for name in columns if name in numbers])
            with reading(path):
                raise error

    return LazyTable(str(path), schema, read)


def _name_text(path: Path, numbers: Sequence[str]) -> None:
    """Raise for the first text in columns of numbers, if that is what is wrong with a CSV file."""
    options = _csv_options(path, **dict.fromkeys(numbers, pa.string()))
    options["convert_options"].include_columns = list(numbers)
    row = 0
    with reading(path), pa_csv.open_csv(path, **options) as reader:
        for batch in reader:
            for name in numbers:
                check_no_text(batch[name], name, str(path), row)
            row += batch.num_rows


def check_no_text(
    values: pa.Array, column: str, where: str, first_row: int, place: Callable[[int], str] = LazyTable.place
) -> None:
    """Refuse text in a column of numbers, by its first row; missing values pass."""
    bad = not_numbers(values, missing=MISSING_TEXTS)
    if pc.any(bad).as_py():
        row = pc.index(bad, True).as_py()
        commas = comma_number(values.slice(row, 1), missing=())
        what, advice = ("numbers", "Mend the row") if commas is None else ("numbers with decimal points", WITH_POINTS)
        raise InputError(
            f"{where}: column {column!r} must hold {what}; {place(first_row + row)} holds "
            f"{values[row].as_py()!r}. {advice}, or name the features to be used without this column."
        )
