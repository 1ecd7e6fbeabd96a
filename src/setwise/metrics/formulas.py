"""Compute metrics by scikit-learn's definitions without its checks, which intervals would pay for a thousand times.

A test proves that they agree with scikit-learn. Sets have no weights; there is one set at least.
"""

import numpy as np

_EPSILON = np.finfo(np.float64).eps  # the least probability that a logarithm is taken of, as scikit-learn has it


def squared_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Average the squared differences of ``(B,)`` numbers."""
    return float(np.square(predicted - truth).mean())


def absolute_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Average the absolute differences of ``(B,)`` numbers."""
    return float(np.abs(predicted - truth).mean())


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Compute one less the squared error over the variance of ``(B,)`` numbers, which must vary."""
    return float(1.0 - np.square(predicted - truth).sum() / np.square(truth - truth.mean()).sum())


def cross_entropy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Average ``-log p`` of the true class, nats; class numbers ``(B,)`` and probabilities ``(B, K)``."""
    return float(-np.log(np.clip(probabilities[np.arange(len(truth)), truth], _EPSILON, 1 - _EPSILON)).mean())


def accuracy(truth: np.ndarray, named: np.ndarray) -> float:
    """Return the share of the class numbers ``(B,)`` that are right."""
    return float((truth == named).mean())


def auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of the pairs of a positive and a negative set that scores order rightly, ties counting a half.

    Args:
        truth: ``(B,)`` whether each set is positive; some are and some are not.
        scores: ``(B,)``.
    """
    positive = np.asarray(truth, bool)
    scores = np.asarray(scores)
    others, own = np.sort(scores[~positive]), scores[positive]
    lower, not_higher = (others.searchsorted(own, side).sum() for side in ("left", "right"))
    return float((lower + not_higher) / 2 / (len(own) * len(others)))


def f1(truth: np.ndarray, named: np.ndarray) -> float:
    """Compute the harmonic mean of precision and recall of class numbers ``(B,)`` of 0 and 1; 0 if nothing is found."""
    found = int(((truth == 1) & (named == 1)).sum())
    wrong = int((truth != named).sum())
    return 2 * found / (2 * found + wrong) if found else 0.0


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Sum over thresholds of precision times the recall that each adds, ties at once; one set is positive at least."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of its ties
    found = np.cumsum(truth[order] == 1)[last]
    precision = found / (1 + np.flatnonzero(last))
    return float((precision * np.diff(found, prepend=0)).sum() / found[-1])
