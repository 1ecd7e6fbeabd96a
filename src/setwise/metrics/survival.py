"""Measure and model times to an event: concordance, Cox's partial likelihood, Kaplan and Meier's curve.

Times are above zero; a time without its event is censored: the event had not happened until then.
"""

import numpy as np
import torch

from setwise.models.cox import cox
from setwise.ops.efron import efron_losses

_BLOCK = 512  # rows that are compared at once


def partial_likelihood(risk: np.ndarray, times: np.ndarray, events: np.ndarray) -> float | None:
    """Return the negative logarithm of the partial likelihood, the mean over the events; none without an event."""
    if not events.any():
        return None
    losses = efron_losses(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (risk, times, events)))
    return float(losses.sum()) / int(events.sum())


def concordance(risk: np.ndarray, times: np.ndarray, events: np.ndarray) -> float | None:
    """Return the share of comparable pairs in which the row with the earlier event has the higher risk.

    A pair is comparable where one had its event before the other's time, or at the time at which the other was
    censored; equal risks count one half. None without a comparable pair.

    Source: Harrell, Califf, Pryor, Lee, Rosati 1982, Evaluating the yield of medical tests, JAMA 247.
    """
    _, rank = np.unique(times, return_inverse=True)
    order = np.argsort(2 * rank + ~events, kind="stable")
    key, risk, event = (2 * rank + ~events)[order], risk[order], events[order]
    mine, after = risk[event], np.searchsorted(key, key[event], side="right")  # rows from here on are comparable
    right, equal = 0.0, 0.0
    for begin in range(0, len(risk), _BLOCK):
        block = risk[begin : begin + _BLOCK]
        whole, part = after <= begin, (after > begin) & (after < begin + len(block))
        ranked = np.sort(block)
        below, until = (np.searchsorted(ranked, mine[whole], side=side) for side in ("left", "right"))
        right, equal = right + below.sum(), equal + (until - below).sum()
        for cut in np.unique(after[part]):
            others, own = block[cut - begin :], mine[part & (after == cut)][:, None]
            right, equal = right + (others < own).sum(), equal + (others == own).sum()
    pairs = int((len(risk) - after).sum())
    return float((right + equal / 2) / pairs) if pairs else None


def misordered(risk: np.ndarray, times: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Return the share of the comparable pairs of each row ``(B,)`` that the risks order wrongly; 0 without a pair.

    Pairs are those of `concordance`; equal risks count one half.
    """
    wrong, pairs = np.zeros(len(risk)), np.zeros(len(risk))
    for row in np.flatnonzero(events):
        later = (times > times[row]) | ((times == times[row]) & ~events)
        bad = later * ((risk > risk[row]) + 0.5 * (risk == risk[row]))
        wrong[row] += bad.sum()
        pairs[row] += later.sum()
        wrong += bad
        pairs += later
    return wrong / np.maximum(pairs, 1)


def kaplan_meier(times: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of events ``(n,)``, rising, and the share of rows that have not had it after each ``(n,)``.

    Source: Kaplan, Meier 1958, Nonparametric estimation from incomplete observations, JASA 53.
    """
    at, died = np.unique(times[events], return_counts=True)
    there = len(times) - np.searchsorted(np.sort(times), at)
    return at, np.cumprod(1 - died / there)


def baseline_hazards(ratios: np.ndarray, times: np.ndarray, events: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the cumulative hazards ``(n,)`` of a row with the ratio one until some times ``(n,)``.

    Args:
        ratios: ``(B,)`` hazard ratios, ``exp(risk)``.
        times, events: ``(B,)``.
        at: ``(n,)``.

    Source: Breslow 1972, discussion of Cox, Regression models and life-tables, J. R. Stat. Soc. B 34.
    """
    order = np.argsort(-times, kind="stable")
    there = ratios[order].cumsum()
    moments, died = np.unique(times[events], return_counts=True)
    hazards = died / there[np.searchsorted(-times[order], -moments, side="right") - 1]
    return np.concatenate([[0.0], hazards.cumsum()])[np.searchsorted(moments, at, side="right")]


def cox_regression(
    x: np.ndarray, times: np.ndarray, events: np.ndarray, weights: np.ndarray, new: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the risks of the rows ``(B,)`` and of new ones ``(n,)`` by Cox regression, centred on the rows.

    Features are standardised; the penalty of the squared coefficients is the one that predicts left-out folds
    best. Weights weigh the events' terms.

    Args:
        x: ``(B, P)`` features.
        times, events, weights: ``(B,)``.
        new: ``(n, P)``.
        seed: of the folds.
    """
    mean, std = x.mean(0), x.std(0)
    scale = np.where(std > 0, std, 1.0)
    own, other = (x - mean) / scale, (new - mean) / scale
    found = cox(own, times, events, weights, seed=seed)
    return own @ found, other @ found
