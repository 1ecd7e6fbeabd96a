"""The second half of an attention block on the clean path by compiled loops: x + ReLU(linear(set norm(x)))."""

from functools import partial

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.parts import LinearNumbers, SetNormNumbers
from setwise.ops.set_norm import backward, forward, kernels_serve, numba_kernels
from setwise.ops.set_norm_formula import gradients_of, norm_relu


def set_norm_feed_forward(
    x: Tensor, layout: SetLayout, norm: SetNormNumbers | None, linear: LinearNumbers | None
) -> Tensor | None:
    """Compute x + ReLU(linear(norm(x))) by one operator, where compiled loops serve; equivariant.

    Keeps x and where ReLU passed (a byte for each number) for the backward pass; the norm is recomputed.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        norm: none where it is no set norm, or more than its numbers.
        linear: with a bias; none where it is more than its numbers.

    Returns:
        ``(N, W)``; none where the loops do not serve.
    """
    if norm is None or linear is None or not kernels_serve(x, layout):
        return None
    weight, bias, eps = norm
    return torch.ops.setwise.set_norm_feed_forward(x.contiguous(), layout.offsets, weight, bias, *linear, eps)[0]


@torch.library.custom_op("setwise::set_norm_feed_forward", mutates_args=())
def _feed_forward(
    x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, linear: Tensor, linear_bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result, where ReLU passed, and the statistics."""
    normed, out = torch.empty_like(x), torch.empty_like(x)
    stats = forward(x, offsets, weight, bias, eps, False, normed)
    torch.addmm(linear_bias, normed, linear.t(), out=out)
    passed = torch.empty_like(x, dtype=torch.bool)
    with numba_kernels() as kernels:
        kernels.add_relu(x.numpy(), out.numpy(), passed.numpy())
    return out, passed, stats


@torch.library.custom_op("setwise::set_norm_feed_forward_backward", mutates_args=())
def _feed_forward_backward(
    grad: Tensor,
    x: Tensor,
    passed: Tensor,
    stats: Tensor,
    offsets: Tensor,
    weight: Tensor,
    bias: Tensor,
    linear: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    grad = grad.contiguous()
    normed, flowing = torch.empty_like(x), torch.empty_like(x)
    with numba_kernels() as kernels:
        kernels.where(passed.numpy(), grad.numpy(), flowing.numpy())
    out = torch.mm(flowing, linear)
    of_norm = backward(out, x, offsets, weight, bias, stats, False, out, residual=grad, activated=normed)
    return out, *of_norm, flowing.t() @ normed, flowing.sum(0)


@_feed_forward.register_fake
def _(x, offsets, weight, bias, linear, linear_bias, eps):
    return torch.empty_like(x), torch.empty_like(x, dtype=torch.bool), x.new_empty(offsets.shape[0] - 1, 3)


@_feed_forward_backward.register_fake
def _(grad, x, passed, stats, offsets, weight, bias, linear):
    return tuple(torch.empty_like(t) for t in (x, weight, bias, linear, bias))


def _context(ctx, inputs, output) -> None:
    x, offsets, weight, bias, linear, linear_bias, ctx.eps = inputs
    ctx.save_for_backward(x, *output[1:], offsets, weight, bias, linear, linear_bias)
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)  # no zeros for the statistics


def _gradients(ctx, grad, *_):
    x, passed, stats, offsets, *parameters, linear_bias = ctx.saved_tensors
    if torch.is_grad_enabled():  # gradients of these gradients are to come
        formula = partial(_formula, offsets=offsets, eps=ctx.eps)
        gradients = gradients_of(formula, (x, *parameters, linear_bias), grad)
    else:
        gradients = torch.ops.setwise.set_norm_feed_forward_backward(grad, x, passed, stats, offsets, *parameters)
    return gradients[0], None, *gradients[1:], None


def _formula(
    x: Tensor, weight: Tensor, bias: Tensor, linear: Tensor, linear_bias: Tensor, *, offsets: Tensor, eps: float
) -> Tensor:
    normed = norm_relu(x, weight, bias, offsets=offsets, eps=eps, relu=False)
    return x + torch.addmm(linear_bias, normed, linear.t()).relu()


_feed_forward.register_autograd(_gradients, setup_context=_context)
