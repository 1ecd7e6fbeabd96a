"""Show a store in a notebook: its sizes, its features, and its first sets."""

from typing import TYPE_CHECKING

import numpy as np

from setwise._notebook import Grid, as_html
from setwise.store.tables import listed

if TYPE_CHECKING:
    from setwise.store.store import SetStore

_ROWS = 5


def store_html(store: "SetStore") -> str:
    """Return the HTML of a store; no element is read."""
    sizes = store.sizes
    low, middle, high = (int(x) for x in (sizes.min(), np.median(sizes), sizes.max()))
    facts: dict[str, object] = {
        "sets": len(store),
        "elements": store.num_elements,
        "elements in a set": f"{low:,} to {high:,}, median {middle:,}",
        "features" if len(store.shape) == 1 else "element": listed(store.features),
    }
    if len(store.shape) != 1:
        facts["shape of an element"] = store.shape
    if store.labels:
        facts["labels of elements"] = listed(list(store.labels))
    if store.left_out:
        facts["no features"] = listed([f"{name} ({reason})" for name, reason in store.left_out.items()])
    facts["where"] = "in memory" if store.path is None else str(store.path)
    first = store.sets.slice(0, _ROWS)
    columns = [first[name].to_pylist() for name in first.column_names]
    names = first.column_names
    where = names.index("set_id") + 1
    rows = [
        [*row[:where], int(size), *row[where:]]
        for row, size in zip(zip(*columns, strict=True), sizes[:_ROWS].tolist(), strict=True)
    ]
    caption = f"The first {len(rows)} of {len(store):,} sets" if len(store) > len(rows) else "The sets"
    return as_html("SetStore", facts, [Grid(caption, [*names[:where], "size", *names[where:]], rows)])
