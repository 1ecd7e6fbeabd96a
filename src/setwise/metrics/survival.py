"""Measure and model times to an event: concordance, Cox's partial likelihood, Kaplan and Meier's curve.

Times are above zero; a time without its event is censored: the event had not happened until then.
"""

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

_BLOCK = 512  # rows that are compared at once
_PENALTIES = np.logspace(-3, 2, 11)  # of Cox regression on standardised features
_FOLDS = 3


def efron_losses(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Return the share of each row of the negative log partial likelihood ``(B,)``, with Efron's ties.

    For the l-th (from 0) of d events at a time t it is ``log(R - l / d * D) - risk``, R being the sum of ``exp(risk)``
    over all rows whose time is t at least, and D that over the d events; 0 for censored rows. They add up to the
    negative logarithm of the likelihood, and are all 0 where there is no event. Computed without leaving the device.

    Args:
        risk: ``(B,)`` logarithms of hazard ratios; a constant that is added to all changes nothing.
        times: ``(B,)``.
        events: ``(B,)`` whether the time ended in the event.

    Source: Efron 1977, The efficiency of Cox's likelihood function for censored data, JASA 72, section 3.
    """
    risk = risk.to(torch.promote_types(risk.dtype, torch.float32))
    order = torch.argsort(times, descending=True, stable=True)
    own, time, event = risk[order], times[order], events[order]
    new = torch.cat([torch.ones_like(event[:1], dtype=torch.bool), time[1:] != time[:-1]])
    group = new.long().cumsum(0)  # of rows of one time
    first, end = torch.searchsorted(group, group), torch.searchsorted(group, group, right=True)
    everyone = own.logcumsumexp(0)[end - 1]  # log R
    before = torch.cat([torch.zeros_like(group[:1]), event.long().cumsum(0)])  # events in the rows before each
    place, count = before[:-1] - before[first], before[end] - before[first]
    fraction = torch.where(event, place.to(own.dtype) / count.clamp_min(1), 0)
    tied = torch.zeros(len(own) + 1, dtype=own.dtype, device=own.device)
    tied = tied.scatter_add(0, group, torch.where(event, (own - everyone).exp(), 0))[group]  # D / R
    losses = torch.where(event, everyone + torch.log1p(-fraction * tied) - own, 0)
    return torch.zeros_like(losses).scatter(0, order, losses)


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

    Features are standardised; the penalty of the squared coefficients is the one of `_PENALTIES` that predicts left-out
    folds best. Weights weigh the events' terms.

    Args:
        x: ``(B, P)`` features.
        times, events, weights: ``(B,)``.
        new: ``(n, P)``.
        seed: of the folds.
    """
    mean, std = x.mean(0), x.std(0)
    scale = np.where(std > 0, std, 1.0)
    left, values, right = np.linalg.svd((x - mean) / scale, full_matrices=False)
    features, turned = left * values, (new - mean) / scale @ right.T  # the same penalty, in at most B directions
    fold = np.empty(len(x), np.int64)
    generator = np.random.default_rng(seed)
    for rows in (np.flatnonzero(events), np.flatnonzero(~events)):
        fold[rows] = generator.permutation(len(rows)) % _FOLDS
    penalty = _PENALTIES[-1]
    if all(events[fold == part].any() and events[fold != part].any() for part in range(_FOLDS)):
        penalty = min(
            _PENALTIES, key=lambda value: _out_of_fold_loss(features, times, events, weights, fold, float(value))
        )
    fitted = fit_cox(features, times, events, weights, float(penalty))
    return features @ fitted, turned @ fitted


def fit_cox(x: np.ndarray, times: np.ndarray, events: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Return the coefficients ``(P,)`` that make the partial likelihood, the mean over events, least with a penalty.

    Args:
        x: ``(B, P)`` features.
        times, events, weights: ``(B,)``.
        penalty: half of it times the sum of the squared coefficients is added.
    """
    features, time, event, weight = (torch.from_numpy(np.ascontiguousarray(a)) for a in (x, times, events, weights))
    count = max(float((weight * event).sum()), 1e-12)

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        beta = torch.from_numpy(coefficients).requires_grad_()
        value = (efron_losses(features @ beta, time, event) * weight).sum() / count + penalty / 2 * beta.square().sum()
        value.backward()
        assert beta.grad is not None
        return float(value.detach()), beta.grad.numpy()

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-9}).x


def _out_of_fold_loss(
    x: np.ndarray, times: np.ndarray, events: np.ndarray, weights: np.ndarray, fold: np.ndarray, penalty: float
) -> float:
    """Return the mean over the folds of the partial likelihood of rows that were left out."""
    found = []
    for part in range(_FOLDS):
        kept, out = fold != part, fold == part
        fitted = fit_cox(x[kept], times[kept], events[kept], weights[kept], penalty)
        found.append(partial_likelihood(x[out] @ fitted, times[out], events[out]))
    return float(np.mean(found))
