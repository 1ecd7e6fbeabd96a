"""Summarise a set by how it would change a mixture of Gaussians."""

import warnings
from collections.abc import Sequence
from typing import Any

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

_AXES = 32  # of elements, at most
_FLAT = 1e-8  # added below the root of the power normalisation, whose slope at zero would be infinite


class FisherVector(SetSummary):
    """Summarise each set in the gradient of its likelihood by a mixture of K Gaussians; invariant.

    With g_k(z) the posterior of component k, of weight p_k, mean m_k and deviations s_k (diagonal covariance), and
    t = (z - m_k) / s_k: u_k = mean_z g_k(z) t / sqrt(p_k) and v_k = mean_z g_k(z) (t^2 - 1) / sqrt(2 p_k). Each number
    becomes x / sqrt(|x|), and the whole is divided by its length. The mixture is fitted to elements of the training
    sets, standardised, or along the 32 principal axes of elements with more features.

    Shapes: elements ``(N, ...)`` to ``(B, 2 K A)``, A axes; all u before all v.

    Args:
        components: K, at most; a twentieth of the elements that it is fitted to are enough for as many.

    Source: Sanchez, Perronnin, Mensink, Verbeek 2013, Image classification with the Fisher vector, IJCV 105, equations
    16 to 18 and section 2.3; of bags: Wei, Wu, Zhou 2017, miFV, IEEE TNNLS 28.
    Differs from the paper: x / sqrt(|x| + 1e-8), which has a slope at zero; gradients by the weights are left out.
    """

    probabilities: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(self, components: int = 8, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        check_positive(components=components)
        self.most = components
        self.axes = Axes(device=device, dtype=dtype)
        reserve(self, "probabilities", "means", "deviations", device=device, dtype=dtype)

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        z = self.axes.fit(drawn_elements(batches, seed=seed), _AXES, seed=seed)
        count = min(self.most, max(1, len(z) // 20))
        mixture: Any = GaussianMixture(count, covariance_type="diag", reg_covar=1e-3, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # one that has nearly converged will do
            mixture.fit(z)
        take(self, probabilities=mixture.weights_, means=mixture.means_, deviations=mixture.covariances_**0.5)

    def forward(self, batch: SetBatch) -> Tensor:
        return narrowed(self._normalised(set_mean(self._gradients(batch.elements), batch.layout)), batch)

    def stream(self, rows: Rows) -> Tensor:
        total = Total()
        rows.map(self._gradients).sweep(total.add)
        return self._normalised((total.sum / total.count).to(total.dtype)[None])

    def held(self, features: int) -> int:
        return max(features, 2 * self.most * min(features, _AXES))

    def ties(self) -> tuple[str, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"components={self.most}"

    def _gradients(self, elements: Tensor) -> Tensor:
        """Return u and v of each element ``(N, 2 K A)``."""
        z = self.axes(elements)
        share, mean, std = (x.to(z.dtype) for x in (self.probabilities, self.means, self.deviations))
        t = (z[:, None] - mean) / std
        squared = t.square()
        posterior = (share.log() - std.log().sum(1) - squared.sum(2) / 2).softmax(1)
        by_mean = (posterior / share.sqrt())[:, :, None] * t
        by_deviation = (posterior / (2 * share).sqrt())[:, :, None] * (squared - 1)
        return torch.cat([by_mean.flatten(1), by_deviation.flatten(1)], 1)

    def _normalised(self, x: Tensor) -> Tensor:
        x = x / (x.abs() + _FLAT).sqrt()
        return x / (x.square().sum(1, keepdim=True) + _FLAT**2).sqrt()
