"""Reductions of the elements of each set, and the way back from sets to elements."""

from itertools import pairwise

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.across_processes import max_across_processes
from setwise.parallel import ShardedLayout, total

# Below this many elements per set, one pass over the packed tensor beats a loop over the sets (docs/log.md).
_TINY = 64


def set_sum(x: Tensor, layout: SetLayout) -> Tensor:
    """Sum the elements of each set, ``(N, ...)`` to ``(B, ...)``; invariant.

    Sums of half-precision numbers accumulate in float32.
    """
    if layout.set_size is not None:
        return _dense(x, layout).sum(1)
    if loops_over_sets(x, layout):
        return torch.ops.setwise.segment_sum(x, layout.offsets)
    wide = widened(x)
    return total(wide.new_zeros(layout.num_sets, *x.shape[1:]).index_add(0, layout.set_index, wide), layout).to(x.dtype)


def set_mean(x: Tensor, layout: SetLayout) -> Tensor:
    """Average the elements of each set, ``(N, ...)`` to ``(B, ...)``; invariant."""
    if layout.set_size is not None:
        return _dense(x, layout).mean(1)
    wide = widened(x)
    sizes = layout.sizes.to(wide.dtype).view(-1, *[1] * (x.dim() - 1))
    return (set_sum(wide, layout) / sizes).to(x.dtype)


def set_max(x: Tensor, layout: SetLayout) -> Tensor:
    """Return the maximum over the elements of each set, ``(N, ...)`` to ``(B, ...)``; invariant.

    Elements that share the maximum share its gradient evenly, so that the gradient is equivariant too.
    """
    if layout.set_size is not None:
        return _dense(x, layout).amax(1)
    if loops_over_sets(x, layout):
        return torch.ops.setwise.segment_max(x, layout.offsets)
    if isinstance(layout, ShardedLayout):
        return max_across_processes(x, layout)
    index = layout.set_index.view(-1, *[1] * (x.dim() - 1)).expand_as(x)
    lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    empty = x.new_full((layout.num_sets, *x.shape[1:]), lowest)
    return empty.scatter_reduce(0, index, x, "amax")  # differs from every element, so it takes no share of a gradient


def set_std(x: Tensor, layout: SetLayout, eps: float = 1e-5) -> Tensor:
    """Return the population standard deviation of each set, ``(N, ...)`` to ``(B, ...)``; invariant.

    It is sqrt(variance + eps), so that sets of one element, whose variance is zero, have a gradient.
    """
    wide = widened(x)
    centred = wide - to_elements(set_mean(wide, layout), layout)
    return (set_mean(centred.square(), layout) + eps).sqrt().to(x.dtype)


def to_elements(per_set: Tensor, layout: SetLayout) -> Tensor:
    """Give every element the value of its set, ``(B, ...)`` to ``(N, ...)``."""
    if layout.set_size is not None:
        shape = (layout.num_sets, layout.set_size, *per_set.shape[1:])
        return per_set.unsqueeze(1).expand(shape).reshape(layout.num_elements, *per_set.shape[1:])
    return per_set.index_select(0, layout.set_index)


def loops_over_sets(x: Tensor, layout: SetLayout) -> bool:
    """Return whether a loop over the sets of a ragged batch is the way: on the CPU, unless sets are tiny."""
    if torch.compiler.is_exporting() or x.device.type != "cpu" or isinstance(layout, ShardedLayout):
        return False
    return layout.num_elements >= _TINY * layout.num_sets


def _dense(x: Tensor, layout: SetLayout) -> Tensor:
    assert layout.set_size is not None
    return x.view(layout.num_sets, layout.set_size, *x.shape[1:])


def widened(x: Tensor) -> Tensor:
    """Return half precision as float32, in which statistics accumulate; other dtypes as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


@torch.library.custom_op("setwise::segment_sum", mutates_args=())
def _segment_sum(x: Tensor, offsets: Tensor) -> Tensor:
    bounds = offsets.tolist()
    out = x.new_empty(len(bounds) - 1, *x.shape[1:])
    for i, (start, stop) in enumerate(pairwise(bounds)):
        torch.sum(x[start:stop], 0, out=out[i])
    return out


@torch.library.custom_op("setwise::segment_max", mutates_args=())
def _segment_max(x: Tensor, offsets: Tensor) -> Tensor:
    bounds = offsets.tolist()
    out = x.new_empty(len(bounds) - 1, *x.shape[1:])
    for i, (start, stop) in enumerate(pairwise(bounds)):
        torch.amax(x[start:stop], 0, out=out[i])
    return out


@_segment_sum.register_fake
@_segment_max.register_fake
def _(x: Tensor, offsets: Tensor) -> Tensor:
    return x.new_empty(offsets.shape[0] - 1, *x.shape[1:])


def _owner(offsets: Tensor, elements: int) -> Tensor:
    return torch.repeat_interleave(offsets.diff(), output_size=elements)


def _sum_context(ctx, inputs, output) -> None:
    x, offsets = inputs
    ctx.save_for_backward(offsets)
    ctx.elements = x.shape[0]


def _sum_backward(ctx, grad):
    (offsets,) = ctx.saved_tensors
    return grad.index_select(0, _owner(offsets, ctx.elements)), None


def _max_context(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs, output)


def _max_backward(ctx, grad):
    x, offsets, maximum = ctx.saved_tensors
    owner = _owner(offsets, x.shape[0])
    share = (x == maximum.index_select(0, owner)).to(grad.dtype)
    ties = torch.ops.setwise.segment_sum(share, offsets)
    return share * (grad / ties).index_select(0, owner), None


_segment_sum.register_autograd(_sum_backward, setup_context=_sum_context)
_segment_max.register_autograd(_max_backward, setup_context=_max_context)
