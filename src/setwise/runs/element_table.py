"""Turn elements of sets into tables that have a row for each, and such tables into columns by set."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from setwise.store.store import SetStore


def element_table(
    store: SetStore, rows: np.ndarray, sizes: np.ndarray, positions: np.ndarray, more: dict[str, pa.Array]
) -> pa.Table:
    """Return a table with a row per element at some places of the store.

    Its columns are ``set_id``, ``element`` (its place in the set), ``size`` (of its set) and those of ``more``.
    """
    names = pa.array([store.set_ids[row] for row in rows])
    owners = np.repeat(np.arange(len(rows)), sizes)
    return pa.table(
        {
            "set_id": pa.DictionaryArray.from_arrays(pa.array(owners, pa.int32()), names).dictionary_decode(),
            "element": positions - store.offsets[rows][owners],
            "size": store.sizes[rows][owners],
            **more,
        }
    )


def columns_by_set(table: pa.Table, sizes: Mapping[str, int], names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Return columns of such a table by the names of its sets: values ``(n_i,)`` in the order of the elements.

    Args:
        table: the rows of a set one after the other; elements that have no row have NaN.
        sizes: of the sets, by their names.
        names: of the columns.
    """
    owners, elements = table["set_id"].to_numpy(), table["element"].to_numpy()
    begins = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]]) if len(owners) else np.zeros(0, np.int64)
    ends = np.r_[begins[1:], len(owners)]
    rows = {str(owners[a]): slice(int(a), int(b)) for a, b in zip(begins, ends, strict=True)}
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name in names:
        values = table[name].to_numpy()
        columns[name] = {}
        for key, size in sizes.items():
            own = rows.get(key, slice(0))
            whole = np.full(size, np.nan) if len(values[own]) < size else np.empty(size, values.dtype)
            whole[elements[own]] = values[own]
            columns[name][key] = whole
    return columns
