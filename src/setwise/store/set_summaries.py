"""Summarise every set in a few numbers per feature, quickly: what tells sets of one origin from others."""

import numpy as np

from setwise.store.store import SetStore

NAMES = ("mean", "spread", "10% quantile", "median", "90% quantile")
_SHARES = (0.1, 0.5, 0.9)
_MOST_ELEMENTS = 10_000  # of a set, evenly spaced, that are looked at
_MOST_FEATURES = 500  # beyond which quantiles are left out


def set_summaries(store: SetStore, rows: np.ndarray, order: list[int] | None = None) -> np.ndarray:
    """Return mean, standard deviation and quantiles (nearest ranks) of the features of some sets ``(B, S, D)`` float64.

    Of large sets 10,000 elements are looked at, evenly spaced. Of more than 500 features there are no quantiles.

    Args:
        store: the sets, whose elements are vectors.
        rows: which of them.
        order: the place of each feature among the store's; by default as they are.
    """
    return np.stack([_of_one(store.elements(int(row)), order) for row in rows])


def _of_one(elements: np.ndarray, order: list[int] | None) -> np.ndarray:
    own = elements[:: max(1, len(elements) // _MOST_ELEMENTS)].astype(np.float64)
    own = own if order is None else own[:, order]
    parts = [own.mean(0, keepdims=True), own.std(0, keepdims=True)]
    if own.shape[1] <= _MOST_FEATURES:
        own.sort(axis=0)
        parts.append(own[[round(share * (len(own) - 1)) for share in _SHARES]])
    return np.concatenate(parts)
