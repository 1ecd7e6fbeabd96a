"""Summarise a set by the centres that its elements are near."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.summaries.axes import Axes, narrowed
from setwise.layers.summaries.sample import drawn_elements
from setwise.layers.unshaped import reserve, take
from setwise.ops import set_max, set_mean
from setwise.streaming.folds import Largest, Total
from setwise.streaming.rows import Rows

_AXES = 32  # of elements, at most


class Codebook(SetSummary):
    """Summarise each set in how near its elements are to C centres of the training sets' elements; invariant.

    Per centre the share of elements whose nearest centre it is, the mean distance of elements to it, and the distance
    of the nearest element. The centres are those of k-means, among standardised elements, or among the 32 principal
    axes of elements with more features.

    Shapes: elements ``(N, ...)`` to ``(B, 3 C)``, kinds of numbers one after the other, centres within each.

    Args:
        centres: C, at most; a fifth of the elements that it is fitted to are enough for as many.

    Source: the bag of words: Csurka et al. 2004, Visual categorization with bags of keypoints; nearest distances: Chen,
    Bi, Wang 2006, MILES, IEEE TPAMI 28.
    """

    centres: Tensor

    def __init__(self, centres: int = 32, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        check_positive(centres=centres)
        self.most = centres
        self.axes = Axes(device=device, dtype=dtype)
        reserve(self, "centres", device=device, dtype=dtype)

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        z = self.axes.fit(drawn_elements(batches, seed=seed), _AXES, seed=seed)
        count = min(self.most, max(1, len(z) // 5))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different elements than centres
            found: Any = KMeans(count, random_state=seed)
            take(self, centres=found.fit(z).cluster_centers_)

    def forward(self, batch: SetBatch) -> Tensor:
        near = self._near(batch.elements)
        count = near.shape[1] // 2
        found = [set_mean(near, batch.layout), -set_max(-near[:, count:], batch.layout)]
        return narrowed(torch.cat(found, 1), batch)

    def stream(self, rows: Rows) -> Tensor:
        total, largest = Total(), Largest()

        def add(near: Tensor) -> None:
            total.add(near)
            largest.add(-near[:, near.shape[1] // 2 :])

        rows.map(self._near).sweep(add)
        assert largest.value is not None
        mean = (total.sum / total.count).to(largest.value.dtype)
        return torch.cat([mean, -largest.value])[None]

    def held(self, features: int) -> int:
        return max(features, 2 * self.most)

    def ties(self) -> tuple[str, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"centres={self.most}"

    def _near(self, elements: Tensor) -> Tensor:
        """Return ones for the nearest centre of each element, and the distances to all ``(N, 2 C)``."""
        z = self.axes(elements)
        far = distances(z, self.centres.to(z.dtype))
        return torch.cat([one_hot(far.argmin(1), far.shape[1]).to(z.dtype), far], 1)


def distances(z: Tensor, centres: Tensor) -> Tensor:
    """Return the Euclidean distances ``(N, C)`` of rows ``(N, A)`` to centres ``(C, A)``, of like ones zero."""
    if torch.compiler.is_exporting():  # the kernel below is unknown to ONNX
        return (z[:, None] - centres).square().sum(2).sqrt()
    return torch.cdist(z, centres, compute_mode="donot_use_mm_for_euclid_dist")
