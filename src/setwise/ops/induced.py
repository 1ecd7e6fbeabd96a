"""Attention between the elements of sets and a few points, with the projections of queries and keys absorbed.

A few points (I inducing points, H heads) make H I logits for each element. Those are one product of the elements with a
matrix ``(H I, W)`` that already holds the projections of both sides, so neither queries nor keys nor values of the
elements are ever computed. Compiled loops take the softmax. Worth it where sets have many more elements than points.
"""

from functools import partial

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.set_norm import kernels_serve, numba_kernels
from setwise.ops.set_norm_formula import gradients_of

_ELEMENTS_PER_SET = 128  # on the average; below, the products of each set's points cost more than what is saved


def absorbed_serves(x: Tensor, layout: SetLayout) -> bool:
    """Return whether these operators serve: where the compiled loops do, for sets of many elements."""
    return kernels_serve(x, layout) and x.shape[0] >= _ELEMENTS_PER_SET * layout.num_sets


def gather_by_attention(x: Tensor, layout: SetLayout, points: Tensor) -> Tensor:
    """Average the elements of each set, weighted by softmax(points x') over the set; invariant.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        points: ``(C, W)``, whose inner products with the elements are the logits.

    Returns:
        ``(B, C, W)``.
    """
    return torch.ops.setwise.gather_by_attention(x.contiguous(), layout.offsets, points)[0]


def spread_by_attention(
    x: Tensor, layout: SetLayout, points: Tensor, bias: Tensor, values: Tensor, residual: Tensor
) -> Tensor:
    """Compute residual + softmax(x points' + bias) values, the softmax over the points of the own set; equivariant.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        points: ``(B, H, I, W)``, whose inner products with the elements of their set are the logits.
        bias: ``(B, H, I)``, added to the logits.
        values: ``(B, H, I, W / H)``.
        residual: ``(N, W)``.

    Returns:
        ``(N, W)``, the heads beside each other.
    """
    operator = torch.ops.setwise.spread_by_attention
    return operator(x.contiguous(), layout.offsets, points, bias, values, residual.contiguous())[0]


def _sets(x: Tensor, offsets: Tensor) -> tuple[Tensor, ...] | None:
    """Return the rows of each set, or none where all sets have one size, so that one batched product serves."""
    sizes = offsets.diff().tolist()
    return None if min(sizes) == max(sizes) else x.split(sizes)


def _weigh(weights: Tensor, x: Tensor, offsets: Tensor) -> Tensor:
    """Compute ``weights' x`` of each set: ``(N, C)``, ``(N, W)`` to ``(B, C, W)``."""
    num_sets = offsets.shape[0] - 1
    split = _sets(x, offsets)
    if split is None:
        return torch.bmm(weights.view(num_sets, -1, weights.shape[1]).mT, x.view(num_sets, -1, x.shape[1]))
    out = x.new_empty(num_sets, weights.shape[1], x.shape[1])
    for target, w, rows in zip(out, _sets(weights, offsets) or (), split, strict=True):
        torch.mm(w.t(), rows, out=target)
    return out


def _apply(x: Tensor, matrices: Tensor, offsets: Tensor, *, add_to: Tensor | None = None) -> Tensor:
    """Compute ``x matrix`` of each set: ``(N, C)``, ``(B, C, W)`` to ``(N, W)``, added to ``add_to`` in place."""
    num_sets, width = offsets.shape[0] - 1, matrices.shape[2]
    out = x.new_empty(x.shape[0], width) if add_to is None else add_to
    split = _sets(x, offsets)
    if split is None:
        target = out.view(num_sets, -1, width)
        torch.baddbmm(target, x.view(num_sets, -1, x.shape[1]), matrices, beta=int(add_to is not None), out=target)
        return out
    for target, rows, matrix in zip(_sets(out, offsets) or (), split, matrices, strict=True):
        torch.addmm(target, rows, matrix, beta=int(add_to is not None), out=target)
    return out


@torch.library.custom_op("setwise::gather_by_attention", mutates_args=())
def _gather(x: Tensor, offsets: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the averages, and the weights ``(N, C)`` for the backward pass."""
    weights = x @ points.t()
    with numba_kernels("softmax_kernels") as kernels:
        kernels.over_elements(weights.numpy(), offsets.numpy())
    return _weigh(weights, x, offsets), weights


@torch.library.custom_op("setwise::gather_by_attention_backward", mutates_args=())
def _gather_backward(
    grad: Tensor, x: Tensor, offsets: Tensor, points: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    grad = grad.contiguous()
    of_logits = _apply(x, grad.mT.contiguous(), offsets)
    with numba_kernels("softmax_kernels") as kernels:
        kernels.over_elements_backward(weights.numpy(), of_logits.numpy(), offsets.numpy())
    of_x = of_logits @ points
    return _apply(weights, grad, offsets, add_to=of_x), of_logits.t() @ x


@torch.library.custom_op("setwise::spread_by_attention", mutates_args=())
def _spread(
    x: Tensor, offsets: Tensor, points: Tensor, bias: Tensor, values: Tensor, residual: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the result, and the weights ``(N, H I)`` for the backward pass."""
    heads = points.shape[1]
    weights = _apply(x, points.flatten(1, 2).mT, offsets)
    out = torch.empty_like(residual)
    with numba_kernels("softmax_kernels") as kernels:
        kernels.over_points(
            _by_head(weights, heads),
            offsets.numpy(),
            bias.contiguous().numpy(),
            values.contiguous().numpy(),
            _by_head(residual, heads),
            _by_head(out, heads),
        )
    return out, weights


@torch.library.custom_op("setwise::spread_by_attention_backward", mutates_args=())
def _spread_backward(
    grad: Tensor, x: Tensor, offsets: Tensor, points: Tensor, values: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    heads = points.shape[1]
    of_logits = torch.empty_like(weights)
    of_values, of_bias = (x.new_empty(shape) for shape in (values.shape, points.shape[:3]))
    with numba_kernels("softmax_kernels") as kernels:
        kernels.over_points_backward(
            _by_head(grad.contiguous(), heads),
            _by_head(weights, heads),
            offsets.numpy(),
            values.mT.contiguous().numpy(),
            _by_head(of_logits, heads),
            of_values.numpy(),
            of_bias.numpy(),
        )
    of_x = _apply(of_logits, points.flatten(1, 2), offsets)
    return of_x, _weigh(of_logits, x, offsets).view_as(points), of_bias, of_values


def _by_head(x: Tensor, heads: int):
    """Return ``(N, H C)`` as an array ``(N, H, C)``."""
    return x.view(x.shape[0], heads, -1).numpy()


@_gather.register_fake
def _(x, offsets, points):
    return x.new_empty(offsets.shape[0] - 1, *points.shape), x.new_empty(x.shape[0], points.shape[0])


@_gather_backward.register_fake
def _(grad, x, offsets, points, weights):
    return x.new_empty(x.shape), x.new_empty(points.shape)


@_spread.register_fake
def _(x, offsets, points, bias, values, residual):
    return torch.empty_like(residual), x.new_empty(x.shape[0], points.shape[1] * points.shape[2])


@_spread_backward.register_fake
def _(grad, x, offsets, points, values, weights):
    return tuple(x.new_empty(shape) for shape in (x.shape, points.shape, points.shape[:3], values.shape))


def _gather_context(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _gather_gradients(ctx, grad, _):
    x, offsets, points, weights = ctx.saved_tensors
    if torch.is_grad_enabled():  # gradients of these gradients are to come
        of_x, of_points = gradients_of(partial(_gather_formula, offsets=offsets), (x, points), grad)
    else:
        of_x, of_points = torch.ops.setwise.gather_by_attention_backward(grad, x, offsets, points, weights)
    return of_x, None, of_points


def _gather_formula(x: Tensor, points: Tensor, *, offsets: Tensor) -> Tensor:
    return torch.stack([(rows @ points.t()).softmax(0).t() @ rows for rows in x.split(offsets.diff().tolist())])


def _spread_context(ctx, inputs, output) -> None:
    x, offsets, points, bias, values, _ = inputs
    ctx.save_for_backward(x, offsets, points, bias, values, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _spread_gradients(ctx, grad, _):
    x, offsets, points, bias, values, weights = ctx.saved_tensors
    if torch.is_grad_enabled():
        formula = partial(_spread_formula, offsets=offsets)
        of_x, *others = gradients_of(formula, (x, points, bias, values), grad)
    else:
        of_x, *others = torch.ops.setwise.spread_by_attention_backward(grad, x, offsets, points, values, weights)
    return of_x, None, *others, grad


def _spread_formula(x: Tensor, points: Tensor, bias: Tensor, values: Tensor, *, offsets: Tensor) -> Tensor:
    found = []
    for rows, p, b, v in zip(x.split(offsets.diff().tolist()), points, bias, values, strict=True):
        weights = (torch.einsum("nw,hiw->nhi", rows, p) + b).softmax(2)
        found.append(torch.einsum("nhi,hid->nhd", weights, v).flatten(1))
    return torch.cat(found)


_gather.register_autograd(_gather_gradients, setup_context=_gather_context)
_spread.register_autograd(_spread_gradients, setup_context=_spread_context)
