"""Set norm: statistics per set."""

import torch

from setwise.layers.norms.normalisation import Normalisation
from setwise.layers.plain import has_hooks
from setwise.ops.parts import SetNormNumbers


class SetNorm(Normalisation):
    """Set norm, L = {B}: one mean and one standard deviation per set, a scale and a shift per feature; equivariant.

    Of all norms that act on each set by itself and standardise, it removes least: exactly two numbers per set.

    Shapes: a `SetBatch` with elements ``(N, width)`` to one with the same layout.

    Args:
        width: D, number of features.
        eps: added to the variance.

    Source: Zhang et al. 2022, arXiv 2206.11925, equation 8.
    """

    def __init__(
        self,
        width: int,
        *,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(width, statistics="B", eps=eps, device=device, dtype=dtype)

    def set_norm_numbers(self) -> SetNormNumbers | None:
        if type(self) is not SetNorm or has_hooks(self):
            return None
        return SetNormNumbers(self.weight, self.bias, self.eps)
