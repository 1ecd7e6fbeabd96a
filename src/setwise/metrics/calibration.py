"""Calibrate probabilities and intervals: calibration curves, temperatures, conformal prediction.

What is fitted here is fitted on sets that no weights were fitted on, and measured on others still.
"""

import math
from dataclasses import dataclass

import numpy as np

_LOWEST, _HIGHEST = -3.0, 3.0  # natural logarithms of the temperatures that are tried
_ALIKE = 1e-3  # nats


@dataclass(frozen=True)
class CalibrationCurve:
    """A calibration curve: predicted probabilities of a class, and the share of sets that are of it.

    Attributes:
        said: mean probability in each bin.
        found: share of the sets that are of the class.
        counts: sets in each bin.
        error: the expected calibration error, mean of ``|said - found|`` over the sets; dimensionless.
    """

    said: tuple[float, ...]
    found: tuple[float, ...]
    counts: tuple[int, ...]
    error: float


def calibration_curve(probabilities: np.ndarray, truth: np.ndarray, *, bins: int = 10) -> CalibrationCurve:
    """Compute the calibration curve of the probabilities of one class, in bins of as equal counts as can be.

    Args:
        probabilities: ``(B,)`` of the class (of several, of the named class of each set).
        truth: ``(B,)`` whether the set is of it.
        bins: at most; fewer where sets are few, so that a bin has five at least.

    Source: Naeini, Cooper, Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning, AAAI
    (the error); equal counts instead of equal widths, since few sets leave wide bins empty.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, max(1, min(bins, len(order) // 5)))
    said = [float(probabilities[part].mean()) for part in parts]
    found = [float(np.asarray(truth, float)[part].mean()) for part in parts]
    counts = [len(part) for part in parts]
    gaps = np.abs(np.subtract(said, found))
    return CalibrationCurve(tuple(said), tuple(found), tuple(counts), float(np.average(gaps, weights=counts)))


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Fit the temperature T that makes the probabilities ``softmax(logits / T)`` likeliest, between e^-3 and e^3.

    Of an ensemble, the mean over its members of ``softmax(logits / T)``. T above one says that the model is too sure.
    It changes no ranks of classes of a model alone, and one number is hard to overfit. At an end of the range there is
    no likeliest one (`end_of_search`).

    Args:
        logits: ``(B, M, K)`` of M members, or ``(B, K)``.
        truth: ``(B,)`` class numbers.

    Source: Guo, Pleiss, Sun, Weinberger 2017, On calibration of modern neural networks, arXiv 1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: negative_log_likelihood(logits, truth, math.exp(log)), bounds=(_LOWEST, _HIGHEST), method="bounded"
    )
    return math.exp(float(found.x))  # pyright: ignore[reportAttributeAccessIssue] what a minimum has


def end_of_search(logits: np.ndarray, truth: np.ndarray, temperature: float) -> int:
    """Return which end of the range is as good as the temperature: 1 for the highest, -1 for the lowest, 0 for none.

    The highest says that equal probabilities are as likely as what the model says; the lowest, that every set is right,
    so that no certainty would be too much. Arguments as for `fit_temperature`.
    """
    best = negative_log_likelihood(logits, truth, temperature) + _ALIKE
    for end, log in ((1, _HIGHEST), (-1, _LOWEST)):
        if negative_log_likelihood(logits, truth, math.exp(log)) <= best:
            return end
    return 0


def negative_log_likelihood(logits: np.ndarray, truth: np.ndarray, temperature: float = 1.0) -> float:
    """Compute the mean negative log likelihood, in nats, of classes ``(B,)`` by logits ``(B, M, K)`` or ``(B, K)``."""
    logits = np.asarray(logits, np.float64)
    logits = logits[:, None] if logits.ndim == 2 else logits
    scaled = logits / temperature
    scaled = scaled - scaled.max(-1, keepdims=True)
    log_share = scaled - np.log(np.exp(scaled).sum(-1, keepdims=True))
    of_truth = log_share[np.arange(len(truth)), :, truth]  # (B, M)
    top = of_truth.max(1, keepdims=True)
    return float(-(top[:, 0] + np.log(np.exp(of_truth - top).mean(1))).mean())


def least_sets(coverage: float) -> int:
    """Return the fewest calibration sets with a finite interval of a coverage: the least n with (n + 1) coverage <= n.

    Example:
        >>> least_sets(0.9), least_sets(0.95)
        (9, 19)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def conformal_quantile(scores: np.ndarray, coverage: float, *, owners: np.ndarray | None = None) -> float:
    """Return the score that a new set's lies below with probability ``coverage`` at least, if sets are exchangeable.

    The ``ceil((n + 1) coverage)``-th smallest of n scores; infinite where n is too small (`least_sets`).

    Where the scores are of elements, each of n sets counts alike, whatever its size, its elements alike among
    themselves: the least score with ``(n + 1) coverage`` sets at or below it. That of an element drawn from a new set
    lies below it with probability ``coverage`` at least, if sets are exchangeable, however alike the elements of a set.

    Args:
        scores: ``(n,)`` of sets that the model was not fitted on, or of all their elements.
        coverage: between 0 and 1.
        owners: where scores are of elements, the set (or group) of each; or none.

    Source: Vovk, Gammerman, Shafer 2005, Algorithmic learning in a random world; as in Angelopoulos, Bates 2021, arXiv
    2107.07511, section 1. Of elements: Lee, Barber, Willett 2023, Distribution-free inference with hierarchical data,
    arXiv 2306.06342 (hierarchical conformal prediction).
    """
    owners = np.arange(len(scores)) if owners is None else owners
    _, number, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(1 / sizes[number[order]])  # sets at or below each score
    rank = int(np.searchsorted(below, (len(sizes) + 1) * coverage - 1e-9))
    return float(scores[order[rank]]) if rank < len(scores) else math.inf


def in_prediction_set(probabilities: np.ndarray, quantile: float) -> np.ndarray:
    """Mark the classes ``(B, K)`` in the prediction set of each set: those with ``1 - p`` of the quantile at most.

    Where no class does, the likeliest is in; it can only add coverage.

    Args:
        probabilities: ``(B, K)``.
        quantile: of the scores ``1 - p`` of the true classes of other sets.

    Source: Sadinle, Lei, Wasserman 2019, Least ambiguous set-valued classifiers with bounded error levels, arXiv
    1609.00451.
    """
    chosen = 1 - probabilities <= quantile + 1e-12
    chosen[np.arange(len(chosen)), probabilities.argmax(1)] = True
    return chosen
