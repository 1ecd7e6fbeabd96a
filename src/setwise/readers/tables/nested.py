"""Read a nested table, one row per set with its elements in list columns, as a long table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.per_set import named_rows, tidy
from setwise.readers.request import ReadRequest
from setwise.store.kinds import is_number, is_text
from setwise.store.tables import LazyTable, listed, reading

pc: Any = compute  # its functions are made at import, out of sight of type checkers
NOT_NAMED = "it was not named"


@dataclass(frozen=True)
class Nested:
    """A nested table taken apart.

    Attributes:
        elements: a long table; its column ``set_id`` names their sets.
        sets: the other columns, one row per set, with ``set_id`` first.
        features: the features that were named, or all where elements come as vectors without names; none where columns
            have names of their own, of which the reader of long tables chooses.
    """

    elements: LazyTable
    sets: pa.Table
    features: Sequence[str] | None


@dataclass(frozen=True)
class _Source:
    """A column of the long table: the list column that it comes from, and how it is taken from the flattened one."""

    column: str
    take: Callable[[pa.Array], pa.Array]


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
    fields) or vectors of one length (features named ``column_0`` and so on, all of which the name of the column stands
    for). A column of labels may hold text. Other list columns are left out, with the reason. The sizes of the sets are
    those of the columns of the features.

    Raises:
        InputError: no column that names the sets, lists of different lengths in one row, vectors of different lengths,
            features that are not there, no list of numbers.
    """
    set_id, labels = request.set_id, request.labels
    table.check_columns([set_id])
    lists = [field.name for field in table.schema if is_list(field.type)]
    others = [name for name in table.columns if name not in lists]
    left_out = {
        name: reason for name in lists if name not in labels and (reason := no_numbers(table.schema.field(name).type))
    }
    with reading(table.name):
        own = tidy(table.load(others))
    named = named_rows(own, set_id, table.name)
    groups = _groups(table, [name for name in lists if name not in labels and name not in left_out])
    sources = {feature: source for group in groups.values() for feature, source in group.items()}
    _check_distinct(table, groups, [*others, *(name for name in labels if name in lists)])
    chosen = _features(table, request, groups, sources, left_out)
    if chosen is not None:
        kept = {sources[name].column for name in chosen}
        left_out |= {name: NOT_NAMED for name in groups if name not in kept}
        sources = {name: source for name, source in sources.items() if source.column in kept}
    sources |= {name: _Source(name, lambda flat: flat) for name in labels if name in lists}
    kinds = {name: table.schema.field(name).type.value_type if name in labels else pa.float64() for name in sources}
    schema = pa.schema([("set_id", pa.string()), *kinds.items()])
    sized = list(dict.fromkeys(sources[name].column for name in chosen or sources))
    read = partial(_read, table, set_id, named["set_id"], sources, sized)
    left_out = {**table.left_out, **left_out}
    return Nested(LazyTable(table.name, schema, read, left_out=left_out), named, chosen)


def _features(
    table: LazyTable,
    request: ReadRequest,
    groups: dict[str, dict[str, _Source]],
    sources: dict[str, _Source],
    left_out: dict[str, str],
) -> Sequence[str] | None:
    """Return the features that were asked for, by their own names; all, or none, where nothing was asked for."""
    if request.features is None:
        if not sources:
            told = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
            raise InputError(
                f"{table.name} must have a list column of numbers, structures of numbers or vectors; {told}."
            )
        bare = all(is_list(table.schema.field(name).type.value_type) for name in groups)
        return list(sources) if bare else None
    asked = request.choosing(list(sources), table.name, {name: list(group) for name, group in groups.items()}).features
    assert asked is not None
    for name in asked:
        if name in left_out:
            raise InputError(f"{table.name}: list column {name!r} is no feature: {left_out[name]}. Drop the column.")
        if name not in sources:
            raise InputError(f"{table.name} has no column {name!r}; it has {listed(['set_id', *sources])}.")
    return asked


def _groups(table: LazyTable, lists: Sequence[str]) -> dict[str, dict[str, _Source]]:
    """Return the features in each list column, by its name, and how to take each from the flattened column."""
    prefix = len(lists) > 1
    return {name: dict(_features_of(table, name, prefix=prefix)) for name in lists}


def _features_of(table: LazyTable, name: str, *, prefix: bool) -> Iterator[tuple[str, _Source]]:
    inner = table.schema.field(name).type.value_type
    if is_number(inner):
        yield name, _Source(name, lambda flat: flat)
    elif pa.types.is_struct(inner):
        for position in range(inner.num_fields):
            field = inner.field(position).name
            label = f"{name}.{field}" if prefix else field
            yield label, _Source(name, lambda flat, position=position: flat.flatten()[position])
    else:
        width = _width(table, name)
        for position in range(width):
            take = partial(_component, position=position, width=width, table=table, name=name)
            yield f"{name}_{position}", _Source(name, take)


def no_numbers(kind: pa.DataType) -> str | None:
    """Say why a list column has no features; none where it holds numbers, structures of them or vectors."""
    inner = held = kind.value_type
    if pa.types.is_struct(inner):
        parts = [inner.field(position) for position in range(inner.num_fields)]
        bad = [part for part in parts if not is_number(part.type)]
        return f"its part {bad[0].name!r} holds {bad[0].type}, not numbers" if bad else None
    if is_list(inner):
        held = inner.value_type
    if is_number(held):
        return None
    return "it holds lists of text" if is_text(held) else f"it holds lists of {inner}, not of numbers"


def _check_distinct(table: LazyTable, groups: dict[str, dict[str, _Source]], others: Sequence[str]) -> None:
    """Refuse names of features that two columns give."""
    seen = set(others)
    for group in groups.values():
        for feature in group:
            if feature in seen:
                raise InputError(f"{table.name}: names of columns must differ; {feature!r} is there twice.")
            seen.add(feature)


def _width(table: LazyTable, name: str) -> int:
    """Return the length of the first vector in a column of lists of vectors."""
    inner = table.schema.field(name).type.value_type
    if pa.types.is_fixed_size_list(inner):
        return inner.list_size
    for batch in table.read([name]):
        lengths = pc.list_value_length(pc.list_flatten(batch[name])).drop_null()
        if len(lengths):
            return lengths[0].as_py()
    raise InputError(f"{table.name}: column {name!r} must hold at least one element; all its lists are empty.")


def _component(flat: pa.Array, *, position: int, width: int, table: LazyTable, name: str) -> pa.Array:
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
    sources: dict[str, _Source],
    sized: Sequence[str],
    columns: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Read flattened rows of a nested table: some columns of the long table, as `LazyTable.read` gives them.

    The sizes of the sets are those of the list columns ``sized``, of which one is always read.
    """
    needed = list(dict.fromkeys(sources[name].column for name in columns if name != "set_id"))
    needed = needed if set(needed).intersection(sized) else [sized[0], *needed]
    done = 0
    for batch in table.read([set_id, *needed]):
        names = ids.slice(done, batch.num_rows).combine_chunks()
        lengths = {name: _lengths(batch[name]) for name in needed}
        _check_lengths(lengths, names, table, sources)
        count = lengths[needed[0]]
        owners = pa.array(np.repeat(np.arange(batch.num_rows, dtype=np.int32), count))
        flat = {name: pc.list_flatten(batch[name]) for name in needed}
        arrays = [
            pa.DictionaryArray.from_arrays(owners, names)
            if name == "set_id"
            else sources[name].take(flat[sources[name].column])
            for name in columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
        done += batch.num_rows


def _check_lengths(
    lengths: dict[str, np.ndarray], names: pa.Array, table: LazyTable, sources: dict[str, _Source]
) -> None:
    """Refuse list columns of different lengths in one row; the columns that go together are told."""
    first, *others = lengths
    for name in others:
        if (lengths[name] != lengths[first]).any():
            row = int((lengths[name] != lengths[first]).argmax())
            together: dict[bytes, list[str]] = {}
            for own, found in lengths.items():
                together.setdefault(found.tobytes(), []).append(own)
            said = "; ".join(listed(own, 6) for own in list(together.values())[:4])
            raise InputError(
                f"{table.name}: list columns must have one length in each row; in set {names[row].as_py()!r}, "
                f"{first!r} has {lengths[first][row]} elements and {name!r} has {lengths[name][row]}. "
                f"Name the features to be used, of {listed(list(sources))}. Of one length are {said}: name one kind, "
                f"such as --features {together[lengths[first].tobytes()][0]},..., or types that are one set (--types)."
            )


def _lengths(lists: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
