"""Choose the elements that are measured, of more than metrics can be computed on."""

from collections.abc import Sequence

import numpy as np

from setwise.store.labels import labelled
from setwise.store.store import SetStore

MOST = 100_000  # elements that metrics are computed on; of more, as many are drawn evenly from the sets


def kept_elements(
    store: SetStore, rows: np.ndarray, *, whole: bool, labels: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the elements that are measured: how many of each set ``(B,)``, and their places among these sets'.

    Of many, those that have a label, and one of each set that has none.

    Args:
        store: the sets.
        rows: of those that are measured.
        whole: all elements, however many there are: one of each set is meant.
        labels: what is predicted.
        seed: of the draw.
    """
    sizes = store.sizes[rows]
    if sizes.sum() <= MOST or whole:
        return sizes, np.arange(sizes.sum())
    generator = np.random.default_rng(seed)
    known = np.split(labelled(store, labels)[store.positions(rows)], np.cumsum(sizes)[:-1])
    drawn, start = [], 0
    for own in known:
        places = np.flatnonzero(own) if own.any() else np.arange(1)
        count = min(len(places), max(1, MOST // len(rows)))
        drawn.append(start + np.sort(generator.choice(places, count, replace=False)))
        start += len(own)
    return np.array([len(places) for places in drawn]), np.concatenate(drawn)
