"""Make the table of predictions that has a row per element."""

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
