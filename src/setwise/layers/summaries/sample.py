"""Draw elements of the training sets, for what is fitted to them."""

from collections.abc import Sequence

import numpy as np

from setwise.batch import SetBatch

MOST_DRAWN = 20_000  # elements that summaries are fitted to, about
_NUMBERS = 1 << 23  # in these elements, at most


def drawn_elements(batches: Sequence[SetBatch], *, seed: int) -> np.ndarray:
    """Draw elements of all sets, as many of each as it has or its share allows.

    Args:
        batches: elements ``(N, ...)`` with D numbers each.
        seed: of the draws.

    Returns:
        ``(n, D)`` float64; some 20,000 at most, fewer of very many numbers, and one of each set at least.
    """
    width = int(np.prod(batches[0].elements.shape[1:]))
    sets = sum(len(batch) for batch in batches)
    share = max(1, min(MOST_DRAWN, _NUMBERS // width) // sets)
    draw, found = np.random.default_rng(seed), []
    for batch in batches:
        places = []
        for start, size in zip(batch.layout.offsets.tolist(), batch.layout.sizes.tolist(), strict=False):
            own = np.arange(size) if size <= share else draw.choice(size, share, replace=False)
            places.append(start + own)
        elements = batch.elements.detach().flatten(1).cpu()
        found.append(elements[np.concatenate(places)].double().numpy())
    return np.concatenate(found)
