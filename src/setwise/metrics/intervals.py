"""Compute intervals: how far a number measured on few sets may lie from that of all sets alike.

What is resampled are clusters: groups where sets belong to groups (visits of one patient are no independent witnesses),
else the sets themselves.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

LEVEL = 0.95
_MOST_DRAWS, _FEWEST_DRAWS = 1000, 200
_SETS_IN_ALL = 400_000  # that all draws together hold, so that large data cost seconds
_USEFUL = 0.5  # of the draws must define a metric, else it has no interval


_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class Bootstrapped(Generic[_Name]):
    """Percentile intervals of several numbers that were measured on the same draws.

    Attributes:
        intervals: lower and upper end by name.
        defined: the share of the draws in which each number was defined (a draw of one class has no AUC).
        draws: how many were made.
        clusters: how many things were drawn from.
    """

    intervals: dict[_Name, tuple[float, float]]
    defined: dict[_Name, float]
    draws: int
    clusters: int


def bootstrap(
    measure: Callable[[np.ndarray], Mapping[_Name, float]],
    clusters: np.ndarray,
    *,
    level: float = LEVEL,
    draws: int | None = None,
    seed: int = 0,
) -> Bootstrapped[_Name]:
    """Compute percentile bootstrap intervals over clusters.

    As many clusters as there are, G, are drawn with replacement, each with all its sets, and everything is measured on
    the same draws, so that differences between numbers have intervals as well. A draw that does not define a number
    is left out for it; a number that fewer than half of the draws define gets no interval. With few clusters the
    intervals are too narrow, by about ``sqrt(G / (G - 1))`` for means.

    Args:
        measure: numbers by name of the sets at some rows ``(n,)``, which repeat; it leaves out what is not defined.
        clusters: ``(B,)`` the cluster of each set.
        level: of the intervals, dimensionless.
        draws: how many; by default 1,000, fewer for many sets.
        seed: of the draws.

    Source: Efron, Tibshirani 1993, An introduction to the bootstrap, section 13.3.

    Example:
        >>> x = np.arange(100.0)
        >>> found = bootstrap(lambda rows: {"mean": x[rows].mean()}, np.arange(100))
        >>> low, high = found.intervals["mean"]
        >>> 42 < low < 46 < 53 < high < 57
        True
    """
    _, numbers = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    rows_of = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    count = len(rows_of)
    if draws is None:
        draws = int(np.clip(_SETS_IN_ALL // max(1, len(numbers)), _FEWEST_DRAWS, _MOST_DRAWS))
    generator = np.random.default_rng(seed)
    found: dict[_Name, list[float]] = {}
    if count > 1:
        for _ in range(draws):
            rows = np.concatenate([rows_of[cluster] for cluster in generator.integers(count, size=count)])
            for name, value in measure(rows).items():
                found.setdefault(name, []).append(value)
    share = {name: len(values) / draws for name, values in found.items()}
    tails = [(1 - level) / 2, (1 + level) / 2]
    intervals: dict[_Name, tuple[float, float]] = {}
    for name, values in found.items():
        if share[name] >= _USEFUL:
            low, high = np.quantile(values, tails).tolist()
            intervals[name] = low, high
    return Bootstrapped(intervals, share, draws, count)


def binomial(right: int, count: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Compute the exact interval of a share of sets, ``right`` of ``count`` independent ones.

    Source: Clopper, Pearson 1934, The use of confidence or fiducial limits illustrated in the case of the binomial.

    Example:
        >>> low, high = binomial(8, 8)
        >>> round(low, 3), high
        (0.631, 1.0)
    """
    from scipy import stats

    found = stats.binomtest(right, count).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)


def corrected_t(differences: Sequence[float], *, tested: float, level: float = LEVEL) -> tuple[float, float] | None:
    """Compute the interval of a mean over folds of (repeated) cross-validation, whose training parts overlap.

    ``mean -/+ t sqrt((1 / J + tested / (1 - tested)) s^2)``, where s^2 is the variance of the J folds' numbers (divisor
    J - 1) and t the quantile of Student's distribution with J - 1 degrees of freedom. Without the second term the
    interval would shrink to nothing with more repeats of the same sets.

    Args:
        differences: a number of each fold.
        tested: the share of the sets that a fold tests, dimensionless.
        level: of the interval.

    Returns:
        Its ends, or none of fewer than two folds.

    Source: Nadeau, Bengio 2003, Inference for the generalization error, Machine Learning 52, equation 9.
    """
    from scipy import stats

    count = len(differences)
    if count < 2:
        return None
    mean, variance = float(np.mean(differences)), float(np.var(differences, ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * math.sqrt((1 / count + tested / (1 - tested)) * variance)
    return mean - half, mean + half
