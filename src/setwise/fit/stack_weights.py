"""Weigh models by what they say of sets that they have not seen.

Source: Caruana, Niculescu-Mizil, Crew, Ksikes 2004, Ensemble selection from libraries of models, ICML (greedy selection
with replacement). Differs from it: weights are drawn to equal ones of the best three, the more the fewer the sets;
docs/log.md.
"""

from collections.abc import Callable

import numpy as np

_ROUNDS = 50  # models that are selected, with replacement
_EQUAL = 20  # sets, or groups, that speak for equal weights
_BEST = 3  # models that have them
_LEAST = 0.03  # a weight below is dropped

Losses = Callable[[np.ndarray], np.ndarray]


def selected_weights(losses: Losses, models: int, clusters: np.ndarray) -> np.ndarray:
    """Return weights ``(P,)`` of models, adding up to one.

    Models are selected one after the other, with replacement, each the one that makes the mean of those that are
    selected best; the weight of a model is how often it is selected. Of few sets such weights are chance: they are
    averaged with equal ones of the three best models, which count for as much as 20 sets.

    Args:
        losses: returns losses ``(C, n)`` of n sets by C mixtures, whose weights are ``(C, P)``.
        models: P.
        clusters: ``(n,)`` groups of the sets, or the sets.
    """
    chosen, each = np.zeros(models), np.eye(models)
    for size in range(1, _ROUNDS + 1):
        chosen[losses((chosen + each) / size).mean(1).argmin()] += 1
    count = len(np.unique(clusters))
    alike = np.zeros(models)
    alike[losses(each).mean(1).argsort(kind="stable")[:_BEST]] = 1
    weights = (count * chosen / _ROUNDS + _EQUAL * alike / alike.sum()) / (count + _EQUAL)
    weights[weights < min(_LEAST, weights.max())] = 0.0
    return weights / weights.sum()
