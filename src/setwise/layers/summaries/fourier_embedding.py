"""Summarise a set by the mean of random waves: its embedding among distributions."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.summaries.axes import Axes, narrowed
from setwise.layers.summaries.sample import drawn_elements
from setwise.layers.unshaped import reserve, take
from setwise.ops import set_mean
from setwise.streaming.folds import Total
from setwise.streaming.rows import Rows

_AXES = 64  # of elements, at most
_PAIRS = 2_000  # elements whose distances give the bandwidth


class FourierEmbedding(SetSummary):
    """Average cosines and sines of random waves over each set: its mean in the space of a Gaussian kernel; invariant.

    mean_x [cos(w' z), sin(w' z)] of F frequencies w ~ N(0, 1 / h^2), z the standardised element, or the 64 principal
    axes of elements with more features; h is a factor times the median distance of two elements of the training sets.
    The inner product of two summaries, divided by F, is about mean_xy exp(-|x - y|^2 / (2 h^2)), and the distance of
    two summaries the maximum mean discrepancy of the sets.

    Shapes: elements ``(N, ...)`` to ``(B, 2 F)``, cosines first.

    Args:
        frequencies: F of all bandwidths together.
        factors: of the bandwidths, dimensionless; frequencies are shared out among them.

    Source: Rahimi, Recht 2007, Random features for large-scale kernel machines; Muandet et al. 2017, Kernel mean
    embedding of distributions, arXiv 1605.09522.
    """

    frequencies: Tensor

    def __init__(
        self,
        frequencies: int = 192,
        *,
        factors: Sequence[float] = (0.25, 0.5, 1.0),
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        check_positive(frequencies=frequencies, **{f"factor {i}": factor for i, factor in enumerate(factors)})
        self.count, self.factors = frequencies, tuple(factors)
        self.axes = Axes(device=device, dtype=dtype)
        reserve(self, "frequencies", device=device, dtype=dtype)

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        z = self.axes.fit(drawn_elements(batches, seed=seed), _AXES, seed=seed)
        draw = np.random.default_rng(seed)
        few = z[draw.permutation(len(z))[:_PAIRS]]
        far = np.linalg.norm(few[: len(few) // 2] - few[len(few) - len(few) // 2 :], axis=1)
        width = float(np.median(far[far > 0])) if (far > 0).any() else 1.0
        widths = width * np.resize(self.factors, self.count)
        take(self, frequencies=draw.normal(size=(z.shape[1], self.count)) / widths)

    def forward(self, batch: SetBatch) -> Tensor:
        return narrowed(set_mean(self._waves(batch.elements), batch.layout), batch)

    def stream(self, rows: Rows) -> Tensor:
        total = Total()
        rows.map(self._waves).sweep(total.add)
        return (total.sum / total.count).to(total.dtype)[None]

    def held(self, features: int) -> int:
        return max(features, 2 * self.count)

    def ties(self) -> tuple[str, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"frequencies={self.count}, factors={self.factors}"

    def _waves(self, elements: Tensor) -> Tensor:
        """Return cosines and sines of each element ``(N, 2 F)``."""
        phase = self.axes.along(elements, self.frequencies)
        return torch.cat([phase.cos(), phase.sin()], 1)
