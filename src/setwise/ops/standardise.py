"""Standardisation with statistics per L, the first step of every normalisation of the paper.

Every path subtracts a constant first, a rounded mean. That changes nothing in the result, which does not see shifts,
and keeps float32 exact to rounding however far the elements lie from zero: the variance is never the small
difference of two large numbers.
"""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from setwise.batch import SetLayout
from setwise.ops.reduce import loops_over_sets, set_mean, to_elements, widened
from setwise.parallel import ShardedLayout, total


def standardise(x: Tensor, layout: SetLayout, *, statistics: str, eps: float) -> Tensor:
    """Subtract the mean and divide by sqrt(variance + eps), statistics per the axes in ``statistics``; equivariant.

    Statistics are population ones and accumulate in float32 at least; dtype is kept.

    Args:
        x: ``(N, D)``.
        layout: which element belongs to which set.
        statistics: axes that keep statistics of their own, of B (set), S (element), D (feature): ``""``, ``"B"``,
            ``"D"``, ``"BS"`` or ``"BD"``.
        eps: added to the variance, above or equal to zero.
    """
    wide = widened(x)
    if statistics == "BS":
        y = F.layer_norm(wide, wide.shape[1:], eps=eps)
    elif statistics == "":
        y = _standardise_all(wide, layout, eps)
    elif statistics == "D":
        y, _, _ = standardise_features(wide, layout, weighting="element", eps=eps)
    elif statistics == "B":
        y = _standardise_sets(wide, layout, eps)
    elif statistics == "BD":
        centred = wide - to_elements(set_mean(wide, layout), layout).detach()
        centred = centred - to_elements(set_mean(centred, layout), layout)
        y = centred * to_elements((set_mean(centred.square(), layout) + eps).rsqrt(), layout)
    else:
        raise AssertionError(f"unknown statistics {statistics!r}")
    return y.view_as(x).to(x.dtype)


def standardise_features(x: Tensor, layout: SetLayout, *, weighting: str, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Standardise each feature over the whole batch; return the result ``(N, D)``, the mean and the variance ``(D,)``.

    ``weighting="element"`` weighs every element alike. ``"set"`` averages the means and the variances of the sets,
    each set alike (the authors' masked feature norm).
    """
    if weighting == "element":
        shift = _mean(x, layout).detach()
        centred = x - shift
        mean = _mean(centred, layout)
        variance = _mean((centred - mean).square(), layout)
    else:
        shift = set_mean(x, layout).mean(0).detach()
        centred = x - shift
        means = set_mean(centred, layout)
        mean = means.mean(0)
        variance = set_mean((centred - to_elements(means, layout)).square(), layout).mean(0)
    return (centred - mean) * (variance + eps).rsqrt(), shift + mean, variance


def _mean(x: Tensor, layout: SetLayout) -> Tensor:
    """Return the mean of each feature over all elements of the batch, ``(D,)``."""
    if isinstance(layout, ShardedLayout):
        return total(x.sum(0), layout) / layout.total_elements
    return x.mean(0)


def _standardise_all(x: Tensor, layout: SetLayout, eps: float) -> Tensor:
    if not isinstance(layout, ShardedLayout):
        return _standardise_rows(x.reshape(1, -1), eps)
    centred = x - _mean(x.mean(1), layout).detach()
    centred = centred - _mean(centred.mean(1), layout)
    return centred * (_mean(centred.square().mean(1), layout) + eps).rsqrt()


def _standardise_rows(rows: Tensor, eps: float) -> Tensor:
    centred = rows - rows.mean(1, keepdim=True).detach()
    return F.layer_norm(centred, centred.shape[1:], eps=eps)


def _standardise_sets(x: Tensor, layout: SetLayout, eps: float) -> Tensor:
    if layout.set_size is not None:
        return _standardise_rows(x.reshape(layout.num_sets, -1), eps)
    if loops_over_sets(x, layout):
        return torch.ops.setwise.standardise_sets(x, layout.offsets, eps)[0]
    return standardise_sets(x, layout, eps)


def standardise_sets(x: Tensor, layout: SetLayout, eps: float) -> Tensor:
    """Standardise with statistics per set, by operators that serve every layout and have all derivatives."""
    centred = x - to_elements(set_mean(x.mean(1), layout), layout).detach()[:, None]
    centred = centred - to_elements(set_mean(centred.mean(1), layout), layout)[:, None]
    rstd = (set_mean(centred.square().mean(1), layout) + eps).rsqrt()
    return centred * to_elements(rstd, layout)[:, None]


@torch.library.custom_op("setwise::standardise_sets", mutates_args=())
def _standardise_sets_loop(x: Tensor, offsets: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Standardise each set while it is in cache; return the result ``(N, D)`` and 1 / std ``(B,)``."""
    bounds = offsets.tolist()
    out, rstd = torch.empty_like(x), x.new_empty(len(bounds) - 1)
    for i, (start, stop) in enumerate(pairwise(bounds)):
        centred = x[start:stop] - x[start:stop].mean()
        y, _, r = torch.native_layer_norm(centred, list(centred.shape), None, None, eps)
        out[start:stop] = y
        rstd[i] = r.flatten()[0]
    return out, rstd


@torch.library.custom_op("setwise::standardise_sets_backward", mutates_args=())
def _standardise_sets_loop_backward(grad: Tensor, y: Tensor, rstd: Tensor, offsets: Tensor) -> Tensor:
    """Compute, with g the gradient and y the output, (g - mean(g) - y mean(g y)) / std, the means over the set."""
    out = torch.empty_like(y)
    for i, (start, stop) in enumerate(pairwise(offsets.tolist())):
        g, z = grad[start:stop], y[start:stop]
        projected = torch.addcmul(g - g.mean(), z, (g * z).mean(), value=-1)
        torch.mul(projected, rstd[i], out=out[start:stop])
    return out


@_standardise_sets_loop.register_fake
def _(x: Tensor, offsets: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), x.new_empty(offsets.shape[0] - 1)


@_standardise_sets_loop_backward.register_fake
def _(grad: Tensor, y: Tensor, rstd: Tensor, offsets: Tensor) -> Tensor:
    return torch.empty_like(y)


def _context(ctx, inputs, output) -> None:
    y, rstd = output
    ctx.save_for_backward(y, rstd, inputs[1])
    ctx.mark_non_differentiable(rstd)


def _backward(ctx, grad, _):
    y, rstd, offsets = ctx.saved_tensors
    return torch.ops.setwise.standardise_sets_backward(grad, y, rstd, offsets), None, None


_standardise_sets_loop.register_autograd(_backward, setup_context=_context)
