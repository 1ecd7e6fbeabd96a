"""RMS set norm: one root mean square per set."""

import torch
from torch import nn

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import Norm
from setwise.ops import set_mean, to_elements
from setwise.ops.reduce import widened
from setwise.streaming.rows import Function, Rows


class RMSSetNorm(Norm):
    """RMS set norm, L = {B}: divide each set by one root mean square, then scale and shift each feature; equivariant.

    With a the n elements of a set, each of D features: y = a / sqrt(sum(a^2) / (n D) + eps) * gamma + beta, with gamma
    and beta per feature. Nothing is subtracted, so that one number of each set is lost, its scale, where set norm loses
    two.

    Shapes: a `SetBatch` with elements ``(N, width)`` to one with the same layout.

    Args:
        width: D, number of features.
        eps: added to the mean square, dimensionless, at least zero.

    Source: Zhang and Sennrich 2019, arXiv 1910.07467, equation 4, with the statistics of set norm (Zhang et al. 2022,
    arXiv 2206.11925, equation 8). Differs from the paper: it normalises an element at a time and has no shift.

    Example:
        >>> norm = RMSSetNorm(2)
        >>> norm(SetBatch.from_list([torch.tensor([[3.0, 3.0], [3.0, -3.0]])])).elements.round(decimals=3)
        tensor([[ 1.,  1.],
                [ 1., -1.]], grad_fn=<RoundBackward1>)
    """

    def __init__(
        self,
        width: int,
        *,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width)
        if eps < 0:
            raise InputError(f"eps must be at least zero; got {eps}.")
        super().__init__()
        self.width, self.eps = width, eps
        self.weight = nn.Parameter(torch.empty(width, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(width, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set scale to one and shift to zero."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, batch: SetBatch) -> SetBatch:
        x = widened(batch.elements)
        squares = set_mean(x.square().mean(1), batch.layout)
        y = x * to_elements((squares + self.eps).rsqrt(), batch.layout)[:, None]
        return batch.with_elements(torch.addcmul(self.bias, y, self.weight).to(batch.dtype))

    def crosses_sets(self) -> bool:
        return False

    def on_rows(self, rows: Rows) -> Function:
        moments = rows.moments(per_feature=False)
        squares = moments.variance + moments.mean.square()
        scale = (self.weight.double() * (squares + self.eps).rsqrt()).to(widened(self.weight).dtype)
        return lambda rows: torch.addcmul(self.bias, rows, scale).to(rows.dtype)

    def ties(self) -> tuple[str, ...]:
        return ("RMS set norm",)

    def extra_repr(self) -> str:
        return f"{self.width}, root mean square per {{B}}, eps={self.eps}"
