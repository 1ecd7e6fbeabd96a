"""Bring the columns of several tables to one schema."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.request import ReadRequest
from setwise.store.kinds import is_number, is_text, to_float64
from setwise.store.tables import listed


def check_columns(schemas: Sequence[pa.Schema], files: Sequence[str], request: ReadRequest) -> None:
    """Refuse tables of other columns than the first, or without those that were named.

    Args:
        schemas: of the tables.
        files: their names.
        request: what is asked of reading.

    Raises:
        InputError: such a table.
    """
    wanted = None if request.features is None else [*request.features, *request.labels]
    names = _used(schemas[0], wanted)
    for file, schema in zip(files, schemas, strict=True):
        lacking = [name for name in (names if wanted is None else wanted) if name not in schema.names]
        more = [] if wanted is not None else [name for name in schema.names if name not in names]
        if lacking or more:
            told = " and ".join(
                f"{verb} {listed(found)}" for verb, found in (("lacks", lacking), ("has", more)) if found
            )
            advice = "" if wanted is not None else " Name the columns to be used (--features)."
            raise InputError(
                f"all files must have the same columns, {listed(names if wanted is None else wanted)} as in "
                f"{files[0]}; {file} {told}.{advice}"
            )


def one_schema(schemas: Sequence[pa.Schema], request: ReadRequest) -> pa.Schema:
    """Return the columns of the first table that are used, with types that hold the values of all tables."""
    wanted = None if request.features is None else [*request.features, *request.labels]
    names = _used(schemas[0], wanted)
    return pa.schema([(name, common_type([schema.field(name).type for schema in schemas])) for name in names])


def _used(first: pa.Schema, wanted: Sequence[str] | None) -> list[str]:
    return [name for name in first.names if wanted is None or name in wanted]


def number_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that hold numbers."""
    return [field.name for field in schema if is_number(field.type)]


def common_type(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """Return the type of a column that has these types in several files."""
    known = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if len(known) <= 1:
        return known[0] if known else pa.null()
    if any(is_text(kind) for kind in known):
        return pa.string()
    return pa.float64() if all(is_number(kind) for kind in known) else known[0]


def in_type(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column in the type that it has over all files."""
    if values.type == kind:
        return values
    if pa.types.is_null(values.type) or not pa.types.is_floating(kind):
        return values.cast(kind)
    return pa.array(to_float64(values), from_pandas=True)


def place_of(row: int, *, offsets: np.ndarray, names: Sequence[str]) -> str:
    """Return how errors name a row of all files together."""
    file = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"row {row - int(offsets[file]) + 1} of {names[file]}"
