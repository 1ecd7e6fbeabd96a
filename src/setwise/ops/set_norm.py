"""Set norm with its scale, shift and ReLU, and the clean residual block around it, by compiled loops where they serve.

Triton's kernels (the extra ``gpu``) serve bfloat16, float16 and float32 on CUDA, Numba's loops (the extra ``fast``)
float32 on the CPU from `_WORTH_IT` numbers on; elsewhere, and for gradients of gradients, torch's own operators compute
the same formula. All are exact to rounding, and none looks at other sets.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.parts import LinearNumbers, SetNormNumbers
from setwise.ops.set_norm_formula import block, gradients_of, norm_relu
from setwise.ops.standardise import standardise
from setwise.parallel import ShardedLayout

_INSTALLED = find_spec("numba") is not None
_TRITON = find_spec("triton") is not None
_INTERPRETED = _TRITON and os.environ.get("TRITON_INTERPRET") == "1"  # Triton's kernels run on the CPU, to be tested
_OF_TRITON = (torch.bfloat16, torch.float16, torch.float32)
_WIDEST = 8192  # a row of Triton's kernels
_WORTH_IT = 1 << 16  # numbers in the elements; below, loading the kernels costs more than they save


def set_norm(x: Tensor, layout: SetLayout, weight: Tensor, bias: Tensor, *, eps: float, relu: bool = False) -> Tensor:
    """Compute (x - mean) / sqrt(variance + eps) * weight + bias with statistics per set, then ReLU; equivariant.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        weight: ``(W,)``.
        bias: ``(W,)``.
        eps: added to the variance.
        relu: whether ReLU follows.
    """
    if norm_kernels_serve(x, layout):
        return torch.ops.setwise.set_norm(x.contiguous(), layout.offsets, weight, bias, eps, relu, layout.largest)[0]
    y = torch.addcmul(bias, standardise(x, layout, statistics="B", eps=eps), weight).to(x.dtype)
    return y.relu() if relu else y


def set_norm_block(
    x: Tensor,
    layout: SetLayout,
    norms: tuple[SetNormNumbers | None, SetNormNumbers | None],
    linears: tuple[LinearNumbers | None, LinearNumbers | None],
) -> Tensor | None:
    """Compute x + linear2(ReLU(norm2(linear1(ReLU(norm1(x)))))) by one operator, where kernels serve; equivariant.

    Keeps two tensors ``(N, W)`` for the backward pass, x and linear1's result; norms and ReLUs are recomputed.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        norms: norm1 and norm2; none where one is no set norm, or more than its numbers.
        linears: linear1 and linear2; none where one is more than its numbers.

    Returns:
        ``(N, W)``; none where no kernel serves: other norms, linear layers with a bias, little work.
    """
    (norm1, norm2), (linear1, linear2) = norms, linears
    if norm1 is None or norm2 is None or linear1 is None or linear2 is None or norm1.eps != norm2.eps:
        return None
    if linear1.bias is not None or linear2.bias is not None or not norm_kernels_serve(x, layout):
        return None
    numbers = (norm1.weight, norm1.bias, norm2.weight, norm2.bias, linear1.weight, linear2.weight)
    return torch.ops.setwise.set_norm_block(x.contiguous(), layout.offsets, *numbers, norm1.eps, layout.largest)[0]


def kernels_serve(x: Tensor, layout: SetLayout) -> bool:
    """Return whether Numba's loops serve: float32 on the CPU, whole sets, enough work, no export, autocast or fork."""
    return (
        not torch.compiler.is_exporting()
        and x.dtype == torch.float32
        and x.device.type == "cpu"
        and x.numel() >= _WORTH_IT
        and not torch.is_autocast_enabled("cpu")
        and not _forked
        and not isinstance(layout, ShardedLayout)
        and _INSTALLED
    )


def norm_kernels_serve(x: Tensor, layout: SetLayout) -> bool:
    """Return whether set norm and the block have kernels for these elements, Numba's or Triton's."""
    if not _by_triton(x):
        return kernels_serve(x, layout)
    if torch.compiler.is_exporting() or isinstance(layout, ShardedLayout):
        return False
    # The block multiplies in the elements' dtype; autocast, where it is on, must mean the same.
    return not torch.is_autocast_enabled(x.device.type) or torch.get_autocast_dtype(x.device.type) == x.dtype


def _by_triton(x: Tensor) -> bool:
    """Return whether the elements are for Triton's kernels rather than Numba's."""
    if not _TRITON or x.dtype not in _OF_TRITON or not 0 < x.shape[1] <= _WIDEST or not x.shape[0]:
        return False
    if not x.is_cuda:
        return _INTERPRETED and x.device.type == "cpu"
    from setwise.ops.gpu import is_modern  # it imports torch's compiler, seconds that CPUs do not wait for

    return is_modern(x.device.index)


def _forbid() -> None:
    """Forbid the kernels in a forked process, which would end with them: OpenMP's threads do not live on in it."""
    global _forked
    _forked = True


_forked = False
os.register_at_fork(after_in_child=_forbid)


@contextmanager
def threads_of_torch() -> Iterator[None]:
    """Give loops inside as many threads as torch has; Numba's first launch would change torch's number."""
    from numba import set_num_threads
    from numba.core.config import NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue] set when imported

    threads = torch.get_num_threads()
    set_num_threads(min(threads, NUMBA_NUM_THREADS))
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@contextmanager
def numba_kernels(module: str = "kernels") -> Iterator[ModuleType]:
    """Give Numba's loops of a module of this folder, with torch's number of threads."""
    with threads_of_torch():
        yield import_module(f"setwise.ops.{module}")


def forward(
    x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, eps: float, relu: bool, out: Tensor, largest: int = 0
) -> Tensor:
    """Fill ``out`` with set norm, and ReLU where ``relu``, by the kernels that serve; return the statistics."""
    if _by_triton(x):
        from setwise.ops import triton_norm

        return triton_norm.forward(x, offsets, weight, bias, eps, relu, out, largest)
    stats = x.new_empty(offsets.shape[0] - 1, 3)
    tensors = (x, offsets, weight, bias)
    with numba_kernels() as kernels:
        kernels.forward(*(t.numpy() for t in tensors), eps, relu, out.numpy(), stats.numpy())
    return stats


def backward(
    grad: Tensor,
    x: Tensor,
    offsets: Tensor,
    weight: Tensor,
    bias: Tensor,
    stats: Tensor,
    relu: bool,
    out: Tensor,
    largest: int = 0,
    residual: Tensor | None = None,
    activated: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Fill ``out`` with the gradient by the elements; return those by weight and bias.

    ``out`` may be ``grad``; ``residual`` is added to it; ``activated`` is filled with what `forward` computed.
    """
    if _by_triton(x):
        from setwise.ops import triton_norm

        tensors = (grad, x, offsets, weight, bias, stats)
        return triton_norm.backward(*tensors, relu, out, largest, residual=residual, activated=activated)
    if activated is not None:
        with numba_kernels() as kernels:
            kernels.transform(*(t.numpy() for t in (x, offsets, weight, bias, stats)), relu, activated.numpy())
    per_set = x.new_empty(2, offsets.shape[0] - 1, x.shape[1])
    tensors = (grad, x, offsets, weight, bias, stats)
    residual = x.new_empty(0, x.shape[1]) if residual is None else residual
    results = (out, per_set[0], per_set[1])
    with numba_kernels() as kernels:
        kernels.backward(*(t.numpy() for t in tensors), relu, residual.numpy(), *(t.numpy() for t in results))
    return per_set[0].sum(0), per_set[1].sum(0)


@torch.library.custom_op("setwise::set_norm", mutates_args=())
def _set_norm(
    x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, eps: float, relu: bool, largest: int = 0
) -> tuple[Tensor, Tensor]:
    out = torch.empty_like(x)
    return out, forward(x, offsets, weight, bias, eps, relu, out, largest)


@torch.library.custom_op("setwise::set_norm_backward", mutates_args=())
def _set_norm_backward(
    grad: Tensor, x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, stats: Tensor, relu: bool, largest: int
) -> tuple[Tensor, Tensor, Tensor]:
    out = torch.empty_like(x)
    return out, *backward(grad.contiguous(), x, offsets, weight, bias, stats, relu, out, largest)


@torch.library.custom_op("setwise::set_norm_block", mutates_args=())
def _block(
    x: Tensor,
    offsets: Tensor,
    weight1: Tensor,
    bias1: Tensor,
    weight2: Tensor,
    bias2: Tensor,
    linear1: Tensor,
    linear2: Tensor,
    eps: float,
    largest: int = 0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the block's output, linear1's result and the statistics of both norms."""
    scratch = torch.empty_like(x)
    stats1 = forward(x, offsets, weight1, bias1, eps, True, scratch, largest)
    hidden = torch.mm(scratch, linear1.t().to(x.dtype))
    stats2 = forward(hidden, offsets, weight2, bias2, eps, True, scratch, largest)
    return torch.addmm(x, scratch, linear2.t().to(x.dtype)), hidden, stats1, stats2


@torch.library.custom_op("setwise::set_norm_block_backward", mutates_args=())
def _block_backward(
    grad: Tensor,
    x: Tensor,
    hidden: Tensor,
    stats1: Tensor,
    stats2: Tensor,
    offsets: Tensor,
    weight1: Tensor,
    bias1: Tensor,
    weight2: Tensor,
    bias2: Tensor,
    linear1: Tensor,
    linear2: Tensor,
    largest: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    grad = grad.contiguous()
    activated, flowing = torch.empty_like(x), torch.empty_like(x)
    torch.mm(grad, linear2.to(x.dtype), out=flowing)
    norm2 = (hidden, offsets, weight2, bias2, stats2)
    of_norm2 = backward(flowing, *norm2, True, flowing, largest, activated=activated)
    of_linear2 = (grad.t() @ activated).to(linear2.dtype)
    out = torch.mm(flowing, linear1.to(x.dtype))
    norm1 = (x, offsets, weight1, bias1, stats1)
    of_norm1 = backward(out, *norm1, True, out, largest, residual=grad, activated=activated)
    of_linear1 = (flowing.t() @ activated).to(linear1.dtype)
    return out, *of_norm1, *of_norm2, of_linear1, of_linear2


@_set_norm.register_fake
def _(x, offsets, weight, bias, eps, relu, largest=0):
    return torch.empty_like(x), _empty_stats(x, offsets)


@_set_norm_backward.register_fake
def _(grad, x, offsets, weight, bias, stats, relu, largest):
    return torch.empty_like(x), torch.empty_like(weight), torch.empty_like(bias)


@_block.register_fake
def _(x, offsets, weight1, bias1, weight2, bias2, linear1, linear2, eps, largest=0):
    return torch.empty_like(x), torch.empty_like(x), _empty_stats(x, offsets), _empty_stats(x, offsets)


@_block_backward.register_fake
def _(grad, x, hidden, stats1, stats2, offsets, *parameters_and_largest):
    return torch.empty_like(x), *(torch.empty_like(p) for p in parameters_and_largest[:-1])


def _empty_stats(x: Tensor, offsets: Tensor) -> Tensor:
    return x.new_empty(offsets.shape[0] - 1, 3, dtype=torch.float32)


def _set_norm_context(ctx, inputs, output) -> None:
    x, offsets, weight, bias, ctx.eps, ctx.relu, ctx.largest = inputs
    ctx.save_for_backward(x, offsets, weight, bias, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # no zeros for the statistics


def _set_norm_gradients(ctx, grad, _):
    saved = ctx.saved_tensors  # asked for once, as checkpointing demands
    if torch.is_grad_enabled():  # gradients of these gradients are to come
        x, offsets, *parameters, _ = saved
        formula = partial(norm_relu, offsets=offsets, eps=ctx.eps, relu=ctx.relu)
        gradients = gradients_of(formula, (x, *parameters), grad)
    else:
        gradients = torch.ops.setwise.set_norm_backward(grad, *saved, ctx.relu, ctx.largest)
    return *_order(gradients), None, None, None


def _order(gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    """Return gradients by x and parameters as gradients of the inputs, of which the second is the offsets."""
    return gradients[0], None, *gradients[1:]


def _block_context(ctx, inputs, output) -> None:
    x, *others, ctx.eps, ctx.largest = inputs
    ctx.save_for_backward(x, *output[1:], *others)
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)


def _block_gradients(ctx, grad, *_):
    if torch.is_grad_enabled():
        x, _, _, _, offsets, *parameters = ctx.saved_tensors
        formula = partial(block, offsets=offsets, eps=ctx.eps)
        gradients = gradients_of(formula, (x, *parameters), grad)
    else:
        gradients = torch.ops.setwise.set_norm_block_backward(grad, *ctx.saved_tensors, ctx.largest)
    return *_order(gradients), None, None


_set_norm.register_autograd(_set_norm_gradients, setup_context=_set_norm_context)
_block.register_autograd(_block_gradients, setup_context=_block_context)
