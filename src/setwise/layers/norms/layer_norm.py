"""Layer norm: statistics per element."""

import torch

from setwise.layers.norms.normalisation import Normalisation


class LayerNorm(Normalisation):
    """Layer norm, L = {B, S}: statistics per element over its features; equivariant.

    Shapes: a `SetBatch` with elements ``(N, width)`` to one with the same layout.

    Args:
        width: D, number of features.
        eps: added to the variance.

    Source: Ba, Kiros, Hinton 2016, arXiv 1607.06450; in the framework of Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        width: int,
        *,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(width, statistics="BS", eps=eps, device=device, dtype=dtype)
