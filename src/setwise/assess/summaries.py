"""Summarise a set in a few numbers per feature: the pseudo-bulk that baselines see."""

from collections.abc import Sequence

import numpy as np

from setwise.layers.moments import QUANTILES, has_quantiles
from setwise.store.store import SetStore


def summaries(store: SetStore, rows: Sequence[int] | np.ndarray, covariates: np.ndarray | None = None) -> np.ndarray:
    """Compute moments and quantiles of the elements of each set, a row per set; invariant.

    Per feature of an element the mean, the standard deviation, the skewness and the quantiles 0, 0.1, 0.25, 0.5,
    0.75, 0.9 and 1; the logarithm of the size; the covariates. Elements with very many features (images) keep mean
    and standard deviation alone, so that the table stays small. Whole sets are read, never a sub-sample.

    Args:
        store: the sets.
        rows: which of them.
        covariates: ``(B, C)`` features of these sets, or none.

    Returns:
        ``(B, P)`` float64.
    """
    quantiles = has_quantiles(int(np.prod(store.shape)))
    table = np.stack([_summary(store.elements(row), quantiles) for row in rows])
    return table if covariates is None else np.concatenate([table, covariates], axis=1)


def summary_names(features: Sequence[str]) -> list[str]:
    """Name the columns of `summaries` without covariates, of elements with these features."""
    kinds = ["mean", "standard deviation"]
    if has_quantiles(len(features)):
        kinds += ["skewness", *(f"quantile {share:g}" for share in QUANTILES)]
    return ["log size", *(f"{kind} of {name}" for kind in kinds for name in features)]


def _summary(elements: np.ndarray, quantiles: bool) -> np.ndarray:
    flat = elements.reshape(len(elements), -1).astype(np.float64)
    mean, std = flat.mean(0), flat.std(0)
    parts = [[np.log(len(flat))], mean, std]
    if quantiles:
        centred = (flat - mean) / np.where(std > 0, std, 1.0)
        parts += [(centred**3).mean(0), np.quantile(flat, QUANTILES, axis=0).ravel()]
    return np.concatenate(parts)
