"""Take quantiles within sets, of values that are sorted."""

import torch
from torch import Tensor


def quantile_of_ranked(ranked: Tensor, starts: Tensor, sizes: Tensor, share: float) -> Tensor:
    """Return a quantile ``(B, D)`` of values ``(N, D)`` that rise within each set, by the line between two of them.

    Args:
        ranked: values, set after set.
        starts: ``(B,)`` position of the first element of each set.
        sizes: ``(B,)``.
        share: of the values below it, between 0 and 1, dimensionless.
    """
    place = share * (sizes - 1).to(ranked.dtype)
    low = place.floor().long().minimum(sizes - 1)
    high = (low + 1).minimum(sizes - 1)
    return torch.lerp(ranked[starts + low], ranked[starts + high], (place - low).to(ranked.dtype)[:, None])
