"""Make a store of a part of another: some features, some elements, some sets; on disk in the same place."""

from functools import partial

import numpy as np
import pyarrow as pa

from setwise.store.file import Description
from setwise.store.filled import filled_store
from setwise.store.store import SetStore


def rewritten(
    store: SetStore,
    description: Description,
    *,
    columns: np.ndarray | None = None,
    elements: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> SetStore:
    """Return a part of a store, described anew.

    Args:
        store: in memory, or on disk, where the new one takes its place.
        description: of the new one.
        columns: places of the features that are kept, in their new order; none for all.
        elements: ``(N,)`` which are kept; none for all.
        rows: of the sets that are kept, in their order; none for all. None of them may become empty.
    """
    kept = np.ones(store.num_elements, bool) if elements is None else elements.copy()
    sets = np.arange(len(store)) if rows is None else rows
    if rows is not None:
        kept &= np.isin(store.owners, rows)
    sizes = np.bincount(store.owners[kept], minlength=len(store))[sets].astype(np.int64)
    table = store.sets.take(pa.array(sets))
    labels = {name: column.filter(pa.array(kept)) for name, column in store.labels.items()}
    path = store.path
    aside = None if path is None else path.with_name(f".{path.name}.rewritten")
    if (sparse := store.sparse) is not None:
        sparse = sparse if kept.all() else sparse.select(np.flatnonzero(kept))
        sparse = sparse if columns is None else sparse.take(columns)
        found = SetStore.from_description(sparse, sizes, table, description, labels)
        found = found if aside is None else found.save(aside)
    else:
        fill = partial(_fill, store=store, columns=columns, kept=kept)
        dtype = next(store.chunks(1)).dtype
        found = filled_store(aside, sizes, table, description, fill, dtype=dtype, labels=labels)
    if path is None or aside is None:
        return found
    del found, store
    aside.replace(path)
    return SetStore.open(path)


def _fill(elements: np.ndarray, *, store: SetStore, columns: np.ndarray | None, kept: np.ndarray) -> None:
    """Copy what is kept, chunk by chunk."""
    row = place = 0
    for chunk in store.chunks():
        own = chunk[kept[row : row + len(chunk)]]
        elements[place : place + len(own)] = own if columns is None else own[:, columns]
        row, place = row + len(chunk), place + len(own)
