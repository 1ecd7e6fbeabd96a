"""Stores whose elements are put in place by a function, in memory or on disk."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise.store.file import Description, new_file
from setwise.store.labels import tidy_labels
from setwise.store.spill import allocate
from setwise.store.store import SetStore


def filled_store(
    path: Path | None,
    sizes: np.ndarray,
    sets: pa.Table,
    description: Description,
    fill: Callable[[np.ndarray], object],
    *,
    dtype: np.dtype | type = np.float32,
    labels: Mapping[str, Any] | None = None,
) -> SetStore:
    """Return a store whose elements ``(N, ...)`` a function writes in place, once and without a copy.

    Args:
        path: of the store, which appears whole or not at all; none for memory.
        sizes: ``(B,)`` elements of each set.
        sets: one row per set.
        description: of the store.
        fill: what writes the elements.
        dtype: of the elements.
        labels: of the elements, ``(N,)`` each.

    Raises:
        InputError: there is no space, or the store cannot be written.
    """
    count = int(sizes.sum())
    if path is None:
        elements = allocate((count, *description.shape), dtype)
        fill(elements)
        return SetStore.from_description(elements, sizes, sets, description, labels)
    tidied = {name: tidy_labels(column, count, name) for name, column in (labels or {}).items()}
    with new_file(path, sizes, sets, description, dtype=dtype, labels=tidied) as elements:
        fill(elements)
    return SetStore.open(path)
