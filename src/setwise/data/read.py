"""Sets from files and from memory, whatever their form, into a store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.data.arrays import from_padded, is_padded, read_arrays
from setwise.data.long import read_long
from setwise.data.per_set import named_rows, read_sets
from setwise.data.store import SetStore
from setwise.data.tables import open_rows, speaks_arrow


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
    if isinstance(source, SetStore):
        return source
    table, sets_name = (None, "") if sets is None else read_sets(sets, set_id)
    if isinstance(source, str | Path) or speaks_arrow(source):
        named = None if table is None else named_rows(table, set_id, sets_name)
        return read_long(
            open_rows(source, set_id=set_id, stream=path is not None),
            set_id=set_id,
            features=features,
            sets=named,
            sets_name=sets_name,
            store=path,
            strict=strict,
        )
    if is_padded(source):
        source = from_padded(*source)
    if isinstance(source, Mapping) or not isinstance(source, Sequence | np.ndarray | torch.Tensor):
        raise TypeError(f"sets must be a path, a table, a list of arrays or a store; got {type(source).__name__}.")
    if not isinstance(source, Sequence) and source.ndim < 2:
        raise InputError(f"sets must be a list of arrays, one per set; got one array of shape {source.shape}.")
    return read_arrays(list(source), features=features, sets=table, set_id=set_id, store=path, strict=strict)
