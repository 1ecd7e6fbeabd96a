"""Bring elements to a few axes of like scale: standardised features, or principal axes of very many."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.layers.unshaped import reserve, take
from setwise.ops.reduce import widened

_DIRECTLY = 500  # features up to which their covariance is computed


class Axes(nn.Module):
    """Map elements to (x - centre) axes, a number for each of A axes.

    Of features up to a number that is asked for, the axes are the features, standardised over the elements that it was
    fitted to; one that was constant there is zero. Of more features they are the principal axes of the standardised
    ones.

    Shapes: ``(N, ...)`` with D numbers each to ``(N, A)``; half precision to float32, also where autocast is on.

    Attributes:
        centre: ``(D,)`` in the units of the features.
        axes: ``(D, A)``.
    """

    centre: Tensor
    axes: Tensor

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        reserve(self, "centre", "axes", device=device, dtype=dtype)

    def fit(self, elements: np.ndarray, most: int, *, seed: int) -> np.ndarray:
        """Fit the axes to elements ``(n, D)``, at most so many, and return these elements along them ``(n, A)``."""
        centre, scale = elements.mean(0), elements.std(0)
        varies = scale > 1e-9 * np.abs(centre)
        weights = np.where(varies, 1 / np.where(varies, scale, 1.0), 0.0)
        axes = np.diag(weights)
        if len(weights) > most:
            axes = weights[:, None] * _principal((elements - centre) * weights, most, seed)
        take(self, centre=centre, axes=axes)
        return (elements - centre) @ axes

    def forward(self, elements: Tensor) -> Tensor:
        x = widened(elements).flatten(1)
        x = x if x.is_floating_point() else x.float()
        return _product(x - self.centre.to(x.dtype), self.axes)

    def along(self, elements: Tensor, directions: Tensor) -> Tensor:
        """Return elements along directions ``(A, L)`` in the space of the axes, ``(N, L)``."""
        return _product(self(elements), directions)


def narrowed(found: Tensor, batch: SetBatch) -> Tensor:
    """Return what was computed from a batch in its dtype, where its elements are no categories."""
    return found.to(batch.dtype) if batch.elements.is_floating_point() else found


def _product(x: Tensor, y: Tensor) -> Tensor:
    if not torch.is_autocast_enabled(x.device.type):
        return x @ y.to(x.dtype)
    with torch.autocast(x.device.type, enabled=False):
        return x @ y.to(x.dtype)


def _principal(x: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return principal axes ``(D, A)`` of centred elements ``(n, D)``."""
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if x.shape[1] <= _DIRECTLY else "randomized"
    found: Any = PCA(min(most, *x.shape), svd_solver=solver, random_state=seed).fit(x)
    return found.components_.T
