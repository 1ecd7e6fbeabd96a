"""Set norm and the clean residual block as formulas that can be differentiated any number of times.

Kernels compute first gradients alone; where gradients of these are to come, the formulas take over.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.reduce import widened
from setwise.ops.standardise import standardise_sets


def norm_relu(x: Tensor, weight: Tensor, bias: Tensor, *, offsets: Tensor, eps: float, relu: bool) -> Tensor:
    """Compute what `setwise.ops.set_norm` does."""
    sizes = offsets.diff()
    set_index = torch.repeat_interleave(sizes, output_size=x.shape[0])
    y = standardise_sets(widened(x), SetLayout(sizes, offsets, set_index, None), eps)
    y = torch.addcmul(bias, y, weight).to(x.dtype)
    return y.relu() if relu else y


def block(
    x: Tensor,
    weight1: Tensor,
    bias1: Tensor,
    weight2: Tensor,
    bias2: Tensor,
    linear1: Tensor,
    linear2: Tensor,
    *,
    offsets: Tensor,
    eps: float,
) -> Tensor:
    """Compute what `setwise.ops.set_norm_block` does."""
    h = norm_relu(x, weight1, bias1, offsets=offsets, eps=eps, relu=True) @ linear1.t().to(x.dtype)
    return x + norm_relu(h, weight2, bias2, offsets=offsets, eps=eps, relu=True) @ linear2.t().to(x.dtype)


def gradients_of(formula: Callable[..., Tensor], inputs: tuple[Tensor, ...], grad: Tensor) -> tuple[Tensor, ...]:
    """Return partial gradients of a formula by each input, which can be differentiated again.

    Inputs may depend on each other; views of them do not.
    """
    wanted = tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs)
    return torch.autograd.grad(formula(*wanted), wanted, grad, create_graph=True)
