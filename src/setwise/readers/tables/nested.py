"""Read a nested table, one row per set with its elements in list columns, as a long table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.per_set import named_rows, tidy
from setwise.readers.request import ReadRequest
from setwise.store.kinds import is_number
from setwise.store.tables import LazyTable, listed, reading

pc: Any = compute  # its functions are made at import, out of sight of type checkers


@dataclass(frozen=True)
class Nested:
    """A nested table taken apart.

    Attributes:
        elements: a long table; its column ``set_id`` names their sets.
        sets: the other columns, one row per set, with ``set_id`` first.
        features: the features where elements come as vectors without names; none where columns have names of their own.
    """

    elements: LazyTable
    sets: pa.Table
    features: list[str] | None


def is_list(kind: pa.DataType) -> bool:
    """Return whether a column holds a list in each row."""
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def is_nested(table: LazyTable) -> bool:
    """Return whether a table has its elements in list columns."""
    return any(is_list(field.type) for field in table.schema)


def unnest(table: LazyTable, request: ReadRequest) -> Nested:
    """Take a nested table apart: columns of lists are elements, all others belong to the sets.

    A list column holds numbers (one feature, named as the column), structures of numbers (features named as the
    fields) or vectors of one length (features named ``column_0`` and so on). A column of labels may hold text,
    and so may others where the features are named.

    Raises:
        InputError: no column that names the sets, lists of something else, lists of different lengths in one row, or
            vectors of different lengths.
    """
    set_id, labels, named_features = request.set_id, request.labels, request.features
    table.check_columns([set_id])
    lists = [field.name for field in table.schema if is_list(field.type)]
    others = [name for name in table.columns if name not in lists]
    if named_features is not None:
        lists = [name for name in lists if name in (*labels, *named_features) or not _is_text(table, name)]
    sources: dict[str, tuple[str, Callable[[pa.Array], pa.Array]]] = {}
    with reading(table.name):
        own = tidy(table.load(others))
    named = named_rows(own, set_id, table.name)
    bare = True
    for name in lists:
        inner = table.schema.field(name).type.value_type
        if name in labels:
            sources[name] = (name, lambda flat: flat)
            continue
        bare &= is_list(inner)
        for feature, take in _features_of(table, name, inner, prefix=len(set(lists) - set(labels)) > 1):
            if feature in sources or feature in others:
                raise InputError(f"{table.name}: names of columns must differ; {feature!r} is there twice.")
            sources[feature] = (name, take)
    kinds = {name: table.schema.field(name).type.value_type if name in labels else pa.float64() for name in sources}
    schema = pa.schema([("set_id", pa.string()), *kinds.items()])
    long = LazyTable(table.name, schema, lambda columns: _read(table, set_id, named["set_id"], sources, lists, columns))
    return Nested(long, named, [name for name in sources if name not in labels] if bare else None)


def _features_of(
    table: LazyTable, name: str, inner: pa.DataType, *, prefix: bool
) -> Iterator[tuple[str, Callable[[pa.Array], pa.Array]]]:
    """Name the features in a list column, and return how to take each from the flattened column."""
    if is_number(inner):
        yield name, lambda flat: flat
    elif pa.types.is_struct(inner):
        for position in range(inner.num_fields):
            field = inner.field(position)
            _check_numbers(table, f"{name}.{field.name}", field.type)
            label = f"{name}.{field.name}" if prefix else field.name
            yield label, lambda flat, position=position: flat.flatten()[position]
    elif is_list(inner):
        _check_numbers(table, name, inner.value_type)
        width = _width(table, name)
        for position in range(width):
            yield f"{name}_{position}", lambda flat, position=position: _component(flat, position, width, table, name)
    else:
        _check_numbers(table, name, inner)


def _check_numbers(table: LazyTable, name: str, kind: pa.DataType) -> None:
    if not is_number(kind):
        raise InputError(
            f"{table.name}: list column {name!r} must hold numbers, structures of numbers or vectors; it holds {kind}. "
            "Drop the column."
        )


def _is_text(table: LazyTable, name: str) -> bool:
    inner = table.schema.field(name).type.value_type
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_dictionary(inner)


def _width(table: LazyTable, name: str) -> int:
    """Return the length of the first vector in a column of lists of vectors."""
    for batch in table.read([name]):
        lengths = pc.list_value_length(pc.list_flatten(batch[name])).drop_null()
        if len(lengths):
            return lengths[0].as_py()
    raise InputError(f"{table.name}: column {name!r} must hold at least one element; all its lists are empty.")


def _component(flat: pa.Array, position: int, width: int, table: LazyTable, name: str) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False)
    if (lengths != width).any():
        raise InputError(
            f"{table.name}: the vectors in column {name!r} must have one length, {width} as the first; "
            f"one has {lengths[lengths != width][0]}."
        )
    values = pc.list_flatten(flat)
    return values.take(pa.array(np.arange(position, len(values), width)))


def _read(
    table: LazyTable,
    set_id: str,
    ids: pa.ChunkedArray,
    sources: dict[str, tuple[str, Callable[[pa.Array], pa.Array]]],
    lists: Sequence[str],
    columns: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Read flattened rows of a nested table: some columns of the long table, as `LazyTable.read` gives them."""
    wanted = [name for name in columns if name != "set_id"]
    needed = list(dict.fromkeys(sources[name][0] for name in wanted)) or [lists[0]]
    done = 0
    for batch in table.read([set_id, *needed]):
        names = ids.slice(done, batch.num_rows).combine_chunks()
        lengths = [_lengths(batch[name]) for name in needed]
        for name, other in zip(needed, lengths, strict=True):
            if (other != lengths[0]).any():
                row = int((other != lengths[0]).argmax())
                raise InputError(
                    f"{table.name}: list columns must have one length in each row; in set {names[row].as_py()!r}, "
                    f"{needed[0]!r} has {lengths[0][row]} elements and {name!r} has {other[row]}. "
                    f"Name the features to be used, of {listed(list(sources))}."
                )
        owners = pa.array(np.repeat(np.arange(batch.num_rows, dtype=np.int32), lengths[0]))
        flat = {name: pc.list_flatten(batch[name]) for name in needed}
        arrays = [
            pa.DictionaryArray.from_arrays(owners, names)
            if name == "set_id"
            else sources[name][1](flat[sources[name][0]])
            for name in columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
        done += batch.num_rows


def _lengths(lists: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
