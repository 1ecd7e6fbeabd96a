"""Normalisations with statistics per L: standardise, scale and shift, by the kernels that serve."""

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.reduce import widened
from setwise.ops.set_norm import set_norm
from setwise.ops.standardise import standardise, standardise_features
from setwise.parallel import elements_everywhere


def normalise(
    x: Tensor,
    layout: SetLayout,
    weight: Tensor,
    bias: Tensor,
    *,
    statistics: str,
    eps: float,
    weighting: str = "element",
) -> Tensor:
    """Compute (x - mean) / sqrt(variance + eps) * weight + bias with statistics per L; equivariant.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        weight: ``(W,)``.
        bias: ``(W,)``.
        statistics: L, as for `setwise.ops.standardise`.
        eps: added to the variance.
        weighting: "element", or "set" with L = {D}, as for `setwise.ops.standardise.standardise_features`.
    """
    if statistics == "B":
        return set_norm(x, layout, weight, bias, eps=eps)
    if weighting == "set":
        y, _, _ = standardise_features(widened(x), layout, weighting="set", eps=eps)
    else:
        y = standardise(x, layout, statistics=statistics, eps=eps)
    return torch.addcmul(bias, y, weight).to(x.dtype)


def normalise_and_measure(
    x: Tensor,
    layout: SetLayout,
    weight: Tensor,
    bias: Tensor,
    *,
    statistics: str,
    eps: float,
    weighting: str = "element",
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise over the whole batch, L = {D} or {}, and return mean and variance for running statistics as well.

    Args: as for `normalise`.

    Returns:
        The result ``(N, W)``, and mean and unbiased variance, as torch's batch norm keeps it, ``(W,)`` or of all
        numbers together.
    """
    wide = widened(x)
    count = elements_everywhere(layout)
    if statistics == "D":
        y, mean, variance = standardise_features(wide, layout, weighting=weighting, eps=eps)
    else:
        y = standardise(wide, layout, statistics="", eps=eps)
        _, means, variances = standardise_features(wide, layout, weighting="element", eps=eps)
        mean, variance = means.mean(), variances.mean() + means.var(correction=0)
        count *= x.shape[1]
    return torch.addcmul(bias, y, weight).to(x.dtype), mean.detach(), variance.detach() * (count / max(count - 1, 1))


def normalise_by(x: Tensor, weight: Tensor, bias: Tensor, *, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    """Compute (x - mean) / sqrt(variance + eps) * weight + bias with mean and variance given; equivariant."""
    y = (widened(x) - mean) * (variance + eps).rsqrt()
    return torch.addcmul(bias, y, weight).to(x.dtype)
