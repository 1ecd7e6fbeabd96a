"""Summarise a set by quantiles along random directions."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.quantiles import quantile_of_ranked
from setwise.layers.summaries.axes import Axes, narrowed
from setwise.layers.summaries.sample import drawn_elements
from setwise.layers.unshaped import reserve, take
from setwise.ops import sort_within_sets
from setwise.streaming.rows import Rows, columns_at_a_time

_AXES = 64  # of elements, at most
_AT_ONCE = 8  # directions of a streamed set, held in memory in one sweep


class SlicedQuantiles(SetSummary):
    """Summarise each set in quantiles of its elements along L random directions; invariant.

    The quantiles (q + 1/2) / Q for q = 0, ..., Q - 1, between two values by the line through them, of d' z for
    directions d that are uniform on the sphere, z the standardised element, or the 64 principal axes of elements with
    more features. The Euclidean distance of two summaries is about sqrt(L Q) times the sliced 2-Wasserstein distance.

    Shapes: elements ``(N, ...)`` to ``(B, Q L)``, quantiles one after the other, directions within each.

    Args:
        directions: L.
        quantiles: Q.

    Raises:
        InputError: elements of a set lie in several processes.

    Source: Bonneel, Rabin, Peyre, Pfister 2015, Sliced and Radon Wasserstein barycenters of measures, J. Math. Imaging
    Vis. 51; as a map to vectors: Kolouri, Zou, Rohde 2016, Sliced Wasserstein kernels for probability distributions.
    """

    directions: Tensor

    def __init__(
        self,
        directions: int = 32,
        *,
        quantiles: int = 8,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        check_positive(directions=directions, quantiles=quantiles)
        self.count, self.quantiles = directions, quantiles
        self.axes = Axes(device=device, dtype=dtype)
        reserve(self, "directions", device=device, dtype=dtype)

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        z = self.axes.fit(drawn_elements(batches, seed=seed), _AXES, seed=seed)
        drawn = np.random.default_rng(seed).normal(size=(z.shape[1], self.count))
        take(self, directions=drawn / np.linalg.norm(drawn, axis=0))

    def forward(self, batch: SetBatch) -> Tensor:
        return narrowed(self._quantiles(batch.with_elements(self._along(batch.elements))), batch)

    def stream(self, rows: Rows) -> Tensor:
        """Summarise along a few directions at a time, which are held in memory whole; a sweep for each few."""
        parts = [self._quantiles(SetBatch.from_list([x])) for x in columns_at_a_time(rows.map(self._along), _AT_ONCE)]
        each = [part.view(self.quantiles, -1) for part in parts]
        return torch.cat(each, 1).view(1, -1)

    def held(self, features: int) -> int:
        return max(features, self.count)

    def ties(self) -> tuple[str, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"directions={self.count}, quantiles={self.quantiles}"

    def _along(self, elements: Tensor) -> Tensor:
        return self.axes.along(elements, self.directions)

    def _quantiles(self, batch: SetBatch) -> Tensor:
        layout, ranked = batch.layout, sort_within_sets(batch.elements, batch.layout)
        shares = [(q + 0.5) / self.quantiles for q in range(self.quantiles)]
        return torch.cat([quantile_of_ranked(ranked, layout.offsets[:-1], layout.sizes, s) for s in shares], 1)
