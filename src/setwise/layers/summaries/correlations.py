"""Summarise a set by the correlations of its features."""

from collections.abc import Sequence

import torch
from torch import Tensor

from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.summaries.axes import Axes, narrowed
from setwise.layers.summaries.sample import drawn_elements
from setwise.ops import set_mean
from setwise.ops.reduce import to_elements
from setwise.streaming.folds import Total
from setwise.streaming.rows import Rows

_AXES = 20  # of elements, at most
_CONSTANT = 1e-6  # a deviation below that, of standardised features, is rounding


class Correlations(SetSummary):
    """Summarise each set in the correlations of each pair of features over its elements; invariant.

    mean((z_i - m_i) (z_j - m_j)) / (s_i s_j) for i < j, with mean m and population deviation s of the set; zero where a
    feature is constant in the set. Of elements with more than 20 features, the features are the 20 principal axes of
    the training sets' elements.

    Shapes: elements ``(N, ...)`` to ``(B, A (A - 1) / 2)`` of A features, pairs in the order (0, 1), (0, 2), ...
    """

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        self.axes = Axes(device=device, dtype=dtype)

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        self.axes.fit(drawn_elements(batches, seed=seed), _AXES, seed=seed)

    def forward(self, batch: SetBatch) -> Tensor:
        layout, z = batch.layout, self.axes(batch.elements)
        centred = z - to_elements(set_mean(z, layout), layout)
        return narrowed(_correlations(set_mean(_products(centred), layout), z.shape[1]), batch)

    def stream(self, rows: Rows) -> Tensor:
        rows = rows.map(self.axes)
        mean, total = rows.moments(per_feature=True).mean, Total()
        rows.sweep(lambda z: total.add(_products((z.double() - mean).to(z.dtype))))
        return _correlations((total.sum / total.count)[None], len(mean)).to(total.dtype)

    def held(self, features: int) -> int:
        return max(features, min(features, _AXES) ** 2)

    def ties(self) -> tuple[str, ...]:
        return ()


def _pairs(axes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    first, second = torch.triu_indices(axes, axes, 1, device=device)
    return first, second


def _products(centred: Tensor) -> Tensor:
    """Return the squares ``(N, A)`` of each element, then its products of pairs."""
    first, second = _pairs(centred.shape[1], centred.device)
    return torch.cat([centred.square(), centred[:, first] * centred[:, second]], 1)


def _correlations(moments: Tensor, axes: int) -> Tensor:
    variance, covariance = moments[:, :axes], moments[:, axes:]
    varies = variance > _CONSTANT**2  # the root has no gradient at zero
    scale = varies / torch.where(varies, variance, 1).sqrt()
    first, second = _pairs(axes, moments.device)
    return covariance * scale[:, first] * scale[:, second]
