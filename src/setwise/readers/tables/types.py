"""Join elements of several types (jets, leptons) that have list columns of their own to one set, with a flag a type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.names import expanded
from setwise.readers.request import ReadRequest
from setwise.store.kinds import is_number, to_float64
from setwise.store.tables import LazyTable, listed

pc: Any = compute  # its functions are made at import, out of sight of type checkers
FLAG = "is_{}"
_MARKS = "._"  # between the name of a type and that of a feature


@dataclass(frozen=True)
class _Part:
    """A feature of a type: its list column, and the field of its structures, where it has some."""

    column: str
    field: int | None

    def values(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the numbers of all lists, one after the other; NaN where missing."""
        flat = pc.list_flatten(batch[self.column])
        return to_float64(flat if self.field is None else flat.flatten()[self.field])


def types_of(table: LazyTable, request: ReadRequest) -> tuple[str, ...]:
    """Return the types whose elements are joined: those that reading names, or that features are asked of.

    Features ask for several types where each name stands behind that of a type (``Jet_pt``, ``Muon_pt``), and in some
    row a type has more elements than another.
    """
    if request.reading.types is not None:
        return tuple(request.reading.types)
    if request.features is None or isinstance(request.features, str):
        return ()
    lists = [name for name in table.columns if _is_numbers(table.schema.field(name).type)]
    asked = [name for name in expanded(request.features, lists, table.name) if name in lists]
    if len(asked) < len(expanded(request.features, lists, table.name)):
        return ()
    types = list(dict.fromkeys(_split(name)[0] for name in asked))
    if len(types) < 2 or not all(types):
        return ()
    first = {kind: next(name for name in asked if _split(name)[0] == kind) for kind in types}
    for batch in table.read(list(first.values())):
        lengths = [_lengths(batch[name]) for name in first.values()]
        if any((own != lengths[0]).any() for own in lengths[1:]):
            return tuple(types)
    return ()


def joined(table: LazyTable, request: ReadRequest, types: Sequence[str]) -> tuple[LazyTable, ReadRequest]:
    """Return a nested table whose rows have the elements of all types, one type after the other, and features to read.

    A feature is named without its type; an element whose type lacks it has zero there. ``is_<type>`` is 1 for elements
    of a type, else 0.

    Args:
        table: nested, with list columns ``<type>_<feature>``, or a column of structures for each type.
        request: what is asked of reading.
        types: names of the types.

    Raises:
        InputError: a type without columns, or columns of a type of different lengths.
    """
    parts = {kind: _parts(table, kind) for kind in types}
    used = {part.column for own in parts.values() for part in own.values()}
    every = list(dict.fromkeys(name for own in parts.values() for name in own))
    flags = [FLAG.format(kind) for kind in types]
    rest = [field for field in table.schema if field.name not in used and not _is_list(field.type)]
    taken = {field.name for field in rest}
    if clash := [name for name in (*every, *flags) if name in taken]:
        raise InputError(f"{table.name}: features {listed(clash)} would have names of columns. Rename these.")
    kind_of = pa.list_(pa.float64())
    schema = pa.schema([*rest, *((name, kind_of) for name in (*every, *flags))])

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [name for name in columns if name in every or name in flags]
        some = {kind: next(iter(own.values())).column for kind, own in parts.items()}  # tells the lengths
        needed = {part.column for own in parts.values() for name, part in own.items() if name in wanted}
        plain = [name for name in columns if name in taken]
        for batch in table.read(list(dict.fromkeys([*plain, *(some.values() if wanted else ()), *sorted(needed)]))):
            lists = _lists(table, batch, parts, some, wanted) if wanted else {}
            arrays = [lists[name] if name in lists else batch[name] for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=pa.schema([schema.field(name) for name in columns]))

    left_out = {name: "it is of no type that was asked for" for name in table.columns if name not in used | taken}
    features = _features(request, types, every, flags)
    return (
        replace(table, schema=schema, read=read, left_out={**table.left_out, **left_out}),
        replace(request, features=features),
    )


def _features(request: ReadRequest, types: Sequence[str], every: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Return the features to read: all, or those that were asked for, with or without their type."""
    if request.features is None:
        return [*every, *flags]
    names = [*every, *flags, *(f"{kind}{mark}{name}" for kind in types for mark in _MARKS for name in every)]
    found: dict[str, None] = {}
    for name in expanded(request.features, names, "the elements"):
        kind, feature = _split(name) if name not in (*every, *flags) else ("", name)
        found[feature if kind in types else name] = None
    asked_by_type = request.reading.types is None
    return [*found, *(flag for flag in flags if asked_by_type and flag not in found)]


def _parts(table: LazyTable, kind: str) -> dict[str, _Part]:
    """Return the features of a type by their names."""
    found: dict[str, _Part] = {}
    for field in table.schema:
        prefix, name = _split(field.name)
        if _is_list(field.type) and field.name == kind and pa.types.is_struct(field.type.value_type):
            inner = field.type.value_type
            numbers = [n for n in range(inner.num_fields) if is_number(inner.field(n).type)]
            found |= {inner.field(n).name: _Part(field.name, n) for n in numbers}
        elif _is_numbers(field.type) and prefix == kind:
            found[name] = _Part(field.name, None)
    if not found:
        types = list(dict.fromkeys(_split(f.name)[0] or f.name for f in table.schema if _is_list(f.type)))
        raise InputError(
            f"{table.name} has no list columns {kind}_... of numbers, and none {kind!r} of structures; there may "
            f"be the types {listed(types)}."
        )
    return found


def _lists(
    table: LazyTable,
    batch: pa.RecordBatch,
    parts: dict[str, dict[str, _Part]],
    some: dict[str, str],
    wanted: Sequence[str],
) -> dict[str, pa.Array]:
    """Return list columns of the elements of all types."""
    lengths = {kind: _lengths(batch[column]) for kind, column in some.items()}
    for kind, own in parts.items():
        for name, part in own.items():
            if name in wanted and (_lengths(batch[part.column]) != lengths[kind]).any():
                raise InputError(
                    f"{table.name}: list columns of the type {kind!r} must have one length in each row; "
                    f"{part.column!r} and {some[kind]!r} differ. Name the features to be used (--features)."
                )
    total = np.sum(list(lengths.values()), axis=0)
    offsets = np.concatenate([[0], np.cumsum(total)]).astype(np.int64)
    begins, places = offsets[:-1].copy(), {}
    for kind, own in lengths.items():
        first = np.repeat(begins - np.concatenate([[0], np.cumsum(own)[:-1]]), own)
        places[kind] = first + np.arange(own.sum())
        begins += own
    found = {}
    for name in wanted:
        values = np.zeros(offsets[-1])
        for kind, own in parts.items():
            if name == FLAG.format(kind):
                values[places[kind]] = 1.0
            elif name in own:
                values[places[kind]] = own[name].values(batch)
        found[name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))
    return found


def _lengths(lists: pa.Array) -> np.ndarray:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def _split(name: str) -> tuple[str, str]:
    """Return the type and the feature that a name tells; no type where it has no mark."""
    place = min((at for mark in _MARKS if (at := name.find(mark)) > 0), default=-1)
    return (name[:place], name[place + 1 :]) if 0 < place < len(name) - 1 else ("", name)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_numbers(kind: pa.DataType) -> bool:
    return _is_list(kind) and is_number(kind.value_type)
