"""Sets from files and from memory, whatever their form, into a store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from setwise._checks import InputError
from setwise.data.arrays import from_padded, is_padded, read_arrays
from setwise.data.hdf5 import SUFFIXES, read_hdf5
from setwise.data.long import read_long
from setwise.data.nested import is_nested, unnest
from setwise.data.per_set import named_rows, read_sets
from setwise.data.store import SetStore
from setwise.data.store_file import is_store
from setwise.data.tables import ARROW_SUFFIXES, open_rows, speaks_arrow, suffix_of


def read(
    source: Any,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    features: Sequence[str] | None = None,
    store: str | Path | None = None,
    strict: bool = True,
) -> SetStore:
    """Read sets, check them, and return a store of them.

    Args:
        source: a path (the suffix tells the format), a table that speaks Arrow, a list of arrays, a padded array with
            sizes as a pair, or a store, which is returned as it is.
        sets: the table of sets (path or table): one row per set with targets, covariates, ``group``, ``split``.
        set_id: the column that names the sets, in both tables.
        features: columns of the elements to use, in this order; by default every numeric one that does not look like a
            clock, a counter, or a property of the set. `SetStore.left_out` says which were left out, and why.
        store: where to keep the store on disk; a long table is then never held in memory.
        strict: false to read what can be read and keep the problems (`SetStore.description`), to inspect it.

    Raises:
        InputError: what was given is at fault; the message says where and what to do.

    Example:
        >>> read([np.ones((2, 3)), np.ones((5, 3))])
        SetStore(2 sets, 7 elements of shape (3,), in memory)
    """
    path = None if store is None else Path(store)
    table, sets_name = (None, "") if sets is None else read_sets(sets, set_id)
    options: dict[str, Any] = {"features": features, "store": path, "strict": strict}
    opened = _open_store(source, table, features)
    if opened is not None:
        return opened if path is None else opened.save(path)
    if isinstance(source, str | Path) or speaks_arrow(source):
        named = None if table is None else named_rows(table, set_id, sets_name)
        options |= {"sets": named, "sets_name": sets_name}
        if isinstance(source, str | Path) and suffix_of(Path(source)) in SUFFIXES:
            return read_hdf5(Path(source), **options)
        rows = open_rows(source, set_id=set_id, stream=path is not None)
        if is_nested(rows):
            nested = unnest(rows, set_id)
            options["features"] = nested.features if features is None else features
            return read_long(nested.rows, set_id="set_id", own=nested.sets, **options)
        return read_long(rows, set_id=set_id, **options)
    if is_padded(source):
        source = from_padded(*source)
    if isinstance(source, Mapping) or not isinstance(source, Sequence | np.ndarray | torch.Tensor):
        raise TypeError(f"sets must be a path, a table, a list of arrays or a store; got {type(source).__name__}.")
    if not isinstance(source, Sequence) and source.ndim < 2:
        raise InputError(f"sets must be a list of arrays, one per set; got one array of shape {tuple(source.shape)}.")
    return read_arrays(list(source), sets=table, set_id=set_id, **options)


def _open_store(source: Any, sets: pa.Table | None, features: Sequence[str] | None) -> SetStore | None:
    """The store, where the source is one already."""
    if isinstance(source, str | Path) and suffix_of(Path(source)) in ARROW_SUFFIXES:
        source = SetStore.open(source) if is_store(Path(source)) else None
    if not isinstance(source, SetStore):
        return None
    if sets is not None or (features is not None and tuple(features) != source.features):
        raise InputError(
            "a store holds its features and its table of sets. Give sets and features when it is written, "
            "from the table of elements."
        )
    return source
