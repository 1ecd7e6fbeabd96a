"""Leave features of a store out that are no measurement: those that tell the set, count or tell time."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from setwise._checks import InputError
from setwise.readers.order import OrderCheck, may_be_ordered, notes_on
from setwise.readers.request import ReadRequest
from setwise.store.file import Description
from setwise.store.rewritten import rewritten
from setwise.store.sparse import SparseElements
from setwise.store.store import SetStore
from setwise.store.tables import listed

_FIRST = 1 << 10  # elements that clear nearly every feature


def order_of(store: SetStore) -> OrderCheck:
    """Return what features of a store are within its sets: of all elements, but only of features that some leave open.

    Elements that are no vectors have no such features.
    """
    if len(store.shape) != 1:
        return OrderCheck([])
    owners, whole = store.owners, store.sparse
    if whole is not None:
        open_ = _of_whole_sets(whole, store)
        if not len(open_):
            return OrderCheck([])
    else:
        first = next(store.chunks(_FIRST))
        codes = owners[: len(first)]
        open_ = np.array([n for n in range(store.shape[0]) if may_be_ordered(first[:, n], codes)], np.int64)
    check = OrderCheck([store.features[n] for n in open_], by_no_accident=True)
    row = 0
    for chunk in store.chunks() if len(open_) else ():
        values = chunk[:, open_].astype(np.float64)
        check.add(lambda n, values=values: values[:, n], owners[row : row + len(chunk)])
        row += len(chunk)
    return check


def _of_whole_sets(elements: SparseElements, store: SetStore) -> np.ndarray:
    """Return features of sparse elements that are there for all elements of a set or for none, and for some set."""
    known = np.ones(elements.width, bool)
    ever = np.zeros(elements.width, bool)
    for start, stop in zip(store.offsets[:-1].tolist(), store.offsets[1:].tolist(), strict=True):
        own = elements.columns[elements.begins[start] : elements.begins[stop]]
        counts = np.bincount(own, minlength=elements.width)
        known &= (counts == 0) | (counts >= stop - start - 1)  # a counter may begin at 0, which is no entry
        ever |= counts > 0
    return np.flatnonzero(known & ever)


def measured(store: SetStore, request: ReadRequest) -> SetStore:
    """Return the store without features that are no measurement; where features were named, with notes on them.

    Raises:
        InputError: none is left.
    """
    check = order_of(store)
    before, named = store.description, request.features is not None
    reasons = {} if named else check.reasons()
    notes = dict.fromkeys((*before.notes, *notes_on(check, named=named)))
    kept = tuple(name for name in store.features if name not in reasons)
    if not kept:
        told = "; ".join(f"{name!r}: {reason}" for name, reason in list(reasons.items())[:8])
        raise InputError(
            f"no feature is surely measured ({told}). Name the features to be used with features (--features)."
        )
    if kept == store.features and len(notes) == len(before.notes):
        return store
    left_out = {**before.left_out, **reasons}
    described = replace(before, features=kept, left_out=left_out, notes=tuple(notes))
    return _of_features(store, described)


def chosen(store: SetStore, names: Sequence[str]) -> SetStore:
    """Return the store with some of its features, in the order of their names; on disk in the same place.

    Raises:
        InputError: features that it does not have.
    """
    if unknown := [name for name in names if name not in store.features]:
        raise InputError(f"the elements have no features {listed(unknown)}; they have {listed(store.features)}.")
    if tuple(names) == store.features:
        return store
    left_out = dict.fromkeys((name for name in store.features if name not in names), "it was not named")
    before = store.description
    return _of_features(store, replace(before, features=tuple(names), left_out={**before.left_out, **left_out}))


def _of_features(store: SetStore, description: Description) -> SetStore:
    """Return the store with another description, and of its features those that it names."""
    if description.features == store.features:
        return store.with_description(description)
    columns = np.array([store.features.index(name) for name in description.features])
    return rewritten(store, replace(description, shape=(len(columns),)), columns=columns)
