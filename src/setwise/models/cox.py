"""Fit Cox regression to the columns of a table, with a penalty that sets left out choose."""

import numpy as np
import torch

from setwise.ops.efron import efron_losses

_PENALTIES = np.logspace(-3, 2, 11)  # of standardised columns
_FOLDS = 3


def cox(x: np.ndarray, times: np.ndarray, events: np.ndarray, weights: np.ndarray, *, seed: int) -> np.ndarray:
    """Return the coefficients ``(P,)`` of Cox regression with the penalty that predicts left-out folds best.

    Weights weigh the events' terms.

    Args:
        x: ``(B, P)`` columns, standardised.
        times, events, weights: ``(B,)``.
        seed: of the folds.
    """
    left, values, right = np.linalg.svd(x, full_matrices=False)
    features = left * values  # the same penalty, in at most B directions
    fold = np.empty(len(x), np.int64)
    generator = np.random.default_rng(seed)
    for rows in (np.flatnonzero(events), np.flatnonzero(~events)):
        fold[rows] = generator.permutation(len(rows)) % _FOLDS
    penalty = _PENALTIES[-1]
    if all(events[fold == part].any() and events[fold != part].any() for part in range(_FOLDS)):
        penalty = min(
            _PENALTIES, key=lambda value: _out_of_fold_loss(features, times, events, weights, fold, float(value))
        )
    return right.T @ fit_cox(features, times, events, weights, float(penalty))


def fit_cox(x: np.ndarray, times: np.ndarray, events: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Return the coefficients ``(P,)`` that make the partial likelihood, the mean over events, least with a penalty.

    Args:
        x: ``(B, P)`` features.
        times, events, weights: ``(B,)``.
        penalty: half of it times the sum of the squared coefficients is added.
    """
    from scipy.optimize import minimize

    features, time, event, weight = (torch.from_numpy(np.ascontiguousarray(a)) for a in (x, times, events, weights))
    count = max(float((weight * event).sum()), 1e-12)

    @torch.enable_grad()
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
    """Return the mean over the folds of the partial likelihood, per event, of rows that were left out."""
    found = []
    for part in range(_FOLDS):
        kept, out = fold != part, fold == part
        fitted = fit_cox(x[kept], times[kept], events[kept], weights[kept], penalty)
        of_risks = (torch.from_numpy(np.ascontiguousarray(own)) for own in (x[out] @ fitted, times[out], events[out]))
        found.append(float(efron_losses(*of_risks).sum()) / int(events[out].sum()))
    return float(np.mean(found))
