"""Multiply the elements of each set by a matrix of the set's own."""

from itertools import pairwise

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.reduce import to_elements, widened
from setwise.parallel import ShardedLayout


def set_product(x: Tensor, layout: SetLayout, matrices: Tensor) -> Tensor:
    """Compute x_j M_i for every element j of set i; equivariant.

    Args:
        x: elements ``(N, D)``.
        layout: of B sets.
        matrices: ``(B, D, E)``.

    Returns:
        ``(N, E)``, in the dtype of x; computed in float32 at least, also where autocast is on.
    """
    dtype, x = x.dtype, widened(x)
    matrices = matrices.to(x.dtype)
    if layout.set_size is not None and not torch.is_autocast_enabled(x.device.type):
        return (x.view(layout.num_sets, layout.set_size, -1) @ matrices).flatten(0, 1).to(dtype)
    if torch.compiler.is_exporting() or isinstance(layout, ShardedLayout):  # a matrix for each element
        own = to_elements(matrices.flatten(1), layout).unflatten(1, matrices.shape[1:])
        return (x[:, None] @ own).squeeze(1).to(dtype)
    return torch.ops.setwise.ragged_product(x, matrices, layout.offsets).to(dtype)


@torch.library.custom_op("setwise::ragged_product", mutates_args=())
def _ragged_product(x: Tensor, matrices: Tensor, offsets: Tensor) -> Tensor:
    out = x.new_empty(x.shape[0], matrices.shape[2])
    bounds = offsets.tolist()
    for i, (start, stop) in enumerate(pairwise(bounds)):
        torch.mm(x[start:stop], matrices[i], out=out[start:stop])
    return out


@torch.library.custom_op("setwise::ragged_gram", mutates_args=())
def _ragged_gram(x: Tensor, y: Tensor, offsets: Tensor) -> Tensor:
    """Compute X_i' Y_i of each set, ``(B, D, E)``."""
    bounds = offsets.tolist()
    out = x.new_empty(len(bounds) - 1, x.shape[1], y.shape[1])
    for i, (start, stop) in enumerate(pairwise(bounds)):
        torch.mm(x[start:stop].t(), y[start:stop], out=out[i])
    return out


@_ragged_product.register_fake
def _(x, matrices, offsets):
    return x.new_empty(x.shape[0], matrices.shape[2])


@_ragged_gram.register_fake
def _(x, y, offsets):
    return x.new_empty(offsets.shape[0] - 1, x.shape[1], y.shape[1])


def _product_context(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _product_backward(ctx, grad):
    x, matrices, offsets = ctx.saved_tensors
    grad = grad.contiguous()
    dx = torch.ops.setwise.ragged_product(grad, matrices.transpose(1, 2).contiguous(), offsets)
    return dx, torch.ops.setwise.ragged_gram(x, grad, offsets), None


def _gram_context(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _gram_backward(ctx, grad):
    x, y, offsets = ctx.saved_tensors
    dx = torch.ops.setwise.ragged_product(y, grad.transpose(1, 2).contiguous(), offsets)
    return dx, torch.ops.setwise.ragged_product(x, grad.contiguous(), offsets), None


_ragged_product.register_autograd(_product_backward, setup_context=_product_context)
_ragged_gram.register_autograd(_gram_backward, setup_context=_gram_context)
