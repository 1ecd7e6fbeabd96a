"""Take vectors in columns of a table with a row per element apart, a column for each component."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.tables.nested import is_list
from setwise.store.kinds import is_number, to_float64
from setwise.store.tables import LazyTable

_ENOUGH = 1 << 20  # rows that tell whether sets have several

pc: Any = compute  # its functions are made at import, out of sight of type checkers


def with_components(table: LazyTable, set_id: str) -> LazyTable:
    """Return a table whose rows are elements with the components of its vectors as columns; another as it is.

    Rows are elements where most sets have several, or where no column names sets. Components of the column ``v`` are
    named ``v_0``, ``v_1`` and so on, all of which its name stands for.
    """
    lists = [field.name for field in table.schema if is_list(field.type) and is_number(field.type.value_type)]
    if not lists or not _rows_are_elements(table, set_id, lists):
        return table
    groups = {name: [f"{name}_{n}" for n in range(width)] for name in lists if (width := _width(table, name)) > 1}
    if not groups:
        return table
    fields = [
        pa.field(component, pa.float64()) if field.name in groups else field
        for field in table.schema
        for component in groups.get(field.name, [field.name])
    ]
    place = {part: (name, n) for name, parts in groups.items() for n, part in enumerate(parts)}

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        needed = list(dict.fromkeys(place[name][0] if name in place else name for name in columns))
        for batch in table.read(needed):
            vectors = {name: _vectors(table, batch, name, len(groups[name])) for name in needed if name in groups}
            arrays = [
                pa.array(np.ascontiguousarray(vectors[place[name][0]][:, place[name][1]]), from_pandas=True)
                if name in place
                else batch[name]
                for name in columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    return replace(table, schema=pa.schema(fields), read=read, groups={**table.groups, **groups})


def _rows_are_elements(table: LazyTable, set_id: str, lists: Sequence[str]) -> bool:
    """Return whether most sets have several rows; where no column names sets, whether there is one column of vectors.

    A name that is there twice by mistake, in a table with a row per set, does not make its lists vectors.
    """
    if set_id not in table.columns:
        return len(lists) == 1
    seen: set[Any] = set()
    rows = 0
    for batch in table.read([set_id]):
        seen.update(pc.unique(batch[set_id]).to_pylist())
        rows += batch.num_rows
        if rows > _ENOUGH and 2 * len(seen) > rows:
            return False
    return 2 * len(seen) <= rows


def _width(table: LazyTable, name: str) -> int:
    """Return the length of the vectors in the first rows of a column; 0 where they differ in length."""
    kind = table.schema.field(name).type
    if pa.types.is_fixed_size_list(kind):
        return kind.list_size
    for batch in table.read([name]):
        lengths = pc.unique(pc.list_value_length(batch[name]).drop_null()).to_pylist()
        if lengths:
            return lengths[0] if len(lengths) == 1 else 0
    return 0


def _vectors(table: LazyTable, batch: pa.RecordBatch, name: str, width: int) -> np.ndarray:
    """Return the vectors of some rows ``(n, width)``, NaN where a row has none."""
    lengths = pc.fill_null(pc.list_value_length(batch[name]), 0).to_numpy(zero_copy_only=False)
    if odd := sorted(set(np.unique(lengths).tolist()) - {0, width}):
        raise InputError(
            f"{table.name}: the vectors in column {name!r} must have one length, {width} as the first; "
            f"one has {odd[0]}."
        )
    found = np.full((batch.num_rows, width), np.nan)
    found[lengths > 0] = to_float64(pc.list_flatten(batch[name])).reshape(-1, width)
    return found
