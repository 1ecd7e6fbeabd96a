"""Sets from files and from memory, whatever their form, into a store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.readers.anndata import is_anndata, read_anndata
from setwise.readers.arrays import from_padded, is_padded, read_arrays
from setwise.readers.fcs.folder import find_sources, is_fcs
from setwise.readers.fcs.read import read_fcs
from setwise.readers.hdf5 import SUFFIXES, read_hdf5
from setwise.readers.long import read_long
from setwise.readers.nested import is_nested, unnest
from setwise.readers.npz import read_npz
from setwise.readers.per_set import named_rows, read_sets
from setwise.readers.process import aside, is_left_to_do, process
from setwise.readers.root import awkward_rows, is_awkward, open_root
from setwise.store.file import is_store
from setwise.store.labels import labels_of
from setwise.store.reading import Processing, Reading, as_fitted, check_processing
from setwise.store.spill import is_large
from setwise.store.store import SetStore
from setwise.store.tables import ARROW_SUFFIXES, open_rows, speaks_arrow, suffix_of


def read(
    source: Any,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    features: Sequence[str] | None = None,
    store: str | Path | None = None,
    strict: bool = True,
    reading: Reading | None = None,
    like: Processing | None = None,
    labels: Sequence[str] = (),
) -> SetStore:
    """Read sets, check them, and return a store of them.

    Args:
        source: a path (the suffix tells the format), a folder or a pattern of FCS files, a table that speaks Arrow, a
            list of arrays, a padded array with sizes as a pair, or a store, which is returned as it is.
        sets: the table of sets (path or table): one row per set with targets, covariates, ``group``, ``split``.
        set_id: the column that names the sets, in both tables.
        features: columns of the elements to use, in this order; by default every numeric one that does not look like a
            clock, a counter, or a property of the set. `SetStore.left_out` says which were left out, and why.
        store: where to keep the store on disk; a long table is then never held in memory.
        strict: false to read what can be read and keep the problems (`SetStore.description`), to inspect it.
        reading: how files are read; by default what suits them.
        like: what was done to the elements that a model was fitted on (`RunRecord.processing`), to be done again.
        labels: columns of the elements (of FCS files channels, of AnnData columns of ``obs``) that are no features and
            are kept beside them: what is to be predicted of each element (`SetStore.labels`).

    Raises:
        InputError: what was given is at fault; the message says where and what to do.

    Example:
        >>> read([np.ones((2, 3)), np.ones((5, 3))])
        SetStore(2 sets, 7 elements of shape (3,), in memory)
    """
    reading = Reading() if reading is None else reading
    reading = reading if like is None else as_fitted(reading, like)
    path = None if store is None else Path(store)
    if set_id in labels:
        raise InputError(f"{set_id!r} names the set of each element, and is no label of theirs. Name another column.")
    if isinstance(source, SetStore) or is_store_file(source):
        opened = _open_store(source, sets is not None, features)
        for name in labels:
            labels_of(opened, name)  # or says which there are
        if like is not None:
            check_processing(like, opened.description.processing)
        return opened if path is None else opened.save(path)
    to_do = strict and (reading.missing == "mask" if is_fcs(source) else is_left_to_do(reading, like))
    target = aside(path) if path is not None and to_do else path
    try:
        found = _read(
            source,
            sets=sets,
            set_id=set_id,
            features=features,
            store=target,
            strict=strict,
            keep_missing=to_do,
            reading=reading,
            like=like,
            labels=tuple(labels),
        )
        return process(found, reading=reading, like=like, path=path) if to_do else found
    finally:
        if target != path and target is not None:
            target.unlink(missing_ok=True)


def _read(
    source: Any,
    *,
    sets: Any,
    set_id: str,
    features: Sequence[str] | None,
    store: Path | None,
    strict: bool,
    keep_missing: bool,
    reading: Reading,
    like: Processing | None,
    labels: tuple[str, ...],
) -> SetStore:
    """The sets of a source that is no store, each format by its own reader."""
    table, sets_name = (None, "") if sets is None else read_sets(sets, set_id)
    options: dict[str, Any] = {"features": features, "store": store, "strict": strict, "keep_missing": keep_missing}
    if is_fcs(source):
        skip = reading.skip_bad
        sources = find_sources(
            source, table, sets_name, set_id=set_id, file_column=reading.file_column, skip=skip, strict=strict
        )
        options |= {"sets_name": sets_name, "labels": labels}
        return read_fcs(sources, reading=reading, like=like, set_id=set_id, **options)
    if is_anndata(source) or is_awkward(source) or isinstance(source, str | Path) or speaks_arrow(source):
        named = None if table is None else named_rows(table, set_id, sets_name)
        options |= {"sets": named, "sets_name": sets_name}
        if is_anndata(source):
            return read_anndata(source, options=reading, set_id=set_id, labels=labels, **options)
        if isinstance(source, str | Path) and suffix_of(Path(source)) in SUFFIXES:
            _refuse_labels(labels, str(source))
            return read_hdf5(Path(source), **options)
        if isinstance(source, str | Path) and suffix_of(Path(source)) == ".npz":
            return read_npz(Path(source), set_id=set_id, labels=labels, **options)
        if is_awkward(source):
            rows = awkward_rows(source, set_id)
        elif isinstance(source, str | Path) and suffix_of(Path(source)) == ".root":
            rows = open_root(Path(source), tree=reading.tree, set_id=set_id)
        else:
            rows = open_rows(source, set_id=set_id, stream=store is not None or is_large(source))
        if is_nested(rows):
            nested = unnest(rows, set_id, labels, features)
            options["features"] = nested.features if features is None else features
            return read_long(nested.rows, set_id="set_id", own=nested.sets, labels=labels, **options)
        return read_long(rows, set_id=set_id, labels=labels, **options)
    _refuse_labels(labels, "a list of arrays")
    if is_padded(source):
        source = from_padded(*source)
    if isinstance(source, Mapping) or not isinstance(source, Sequence | np.ndarray | torch.Tensor):
        raise TypeError(f"sets must be a path, a table, a list of arrays or a store; got {type(source).__name__}.")
    if not isinstance(source, Sequence) and source.ndim < 2:
        raise InputError(f"sets must be a list of arrays, one per set; got one array of shape {tuple(source.shape)}.")
    return read_arrays(list(source), sets=table, set_id=set_id, **options)


def _refuse_labels(labels: Sequence[str], where: str) -> None:
    if labels:
        raise InputError(
            f"labels of elements are columns of tables, FCS, AnnData and .npz files; {where} has none. Convert it to a "
            "table with a column of labels, or give the store labels (SetStore.with_labels)."
        )


def is_store_file(source: Any) -> bool:
    """Whether a source is the path of a store."""
    if not isinstance(source, str | Path) or suffix_of(Path(source)) not in ARROW_SUFFIXES:
        return False
    return is_store(Path(source))


def _open_store(source: Any, has_sets: bool, features: Sequence[str] | None) -> SetStore:
    """The store that the source is."""
    opened = source if isinstance(source, SetStore) else SetStore.open(source)
    if has_sets or (features is not None and tuple(features) != opened.features):
        raise InputError(
            "a store holds its features and its table of sets. Give sets and features when it is written, "
            "from the table of elements."
        )
    return opened
