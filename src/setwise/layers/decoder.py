"""The network after the pooling."""

import torch
from torch import Tensor, nn

from setwise._checks import check_positive


class MLPDecoder(nn.Module):
    """Three times (linear, ReLU), then linear, on the pooled vector and the covariates of the set.

    Shapes: pooled ``(B, width)`` and covariates ``(B, covariates)`` or none to ``(B, out_features)``.

    Args:
        width: W.
        out_features: K.
        covariates: C, number of covariates that follow the pooled vector.

    Source: Zhang et al. 2022, arXiv 2206.11925, as in the authors' code.
    """

    def __init__(
        self,
        width: int,
        out_features: int,
        *,
        covariates: int = 0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width, out_features=out_features)
        super().__init__()
        layers: list[nn.Module] = []
        for in_features in (width + covariates, width, width):
            layers += [nn.Linear(in_features, width, device=device, dtype=dtype), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, out_features, device=device, dtype=dtype))

    def forward(self, pooled: Tensor, covariates: Tensor | None = None) -> Tensor:
        return self.layers(pooled if covariates is None else torch.cat([pooled, covariates], 1))
