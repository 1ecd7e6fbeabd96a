"""Poolings without parameters: a set to a vector."""

from torch import Tensor, nn

from setwise._checks import check_choice
from setwise.batch import SetBatch
from setwise.ops import set_max, set_mean, set_std, set_sum

_POOLS = {"sum": set_sum, "mean": set_mean, "max": set_max, "std": set_std}


class Pooling(nn.Module):
    """Sum, mean, maximum or population standard deviation over the elements of each set; invariant.

    Shapes: elements ``(N, ...)`` to a tensor ``(B, ...)``.

    Args:
        pool: "sum", "mean", "max" or "std". The standard deviation is sqrt(variance + 1e-5), so that sets of one
            element have a gradient.

    Example:
        >>> import torch
        >>> Pooling("mean")(SetBatch.from_list([torch.ones(3, 2), torch.zeros(1, 2)]))
        tensor([[1., 1.],
                [0., 0.]])
    """

    def __init__(self, pool: str):
        check_choice("pool", pool, tuple(_POOLS))
        super().__init__()
        self.pool = pool

    def forward(self, batch: SetBatch) -> Tensor:
        return _POOLS[self.pool](batch.elements, batch.layout)

    def extra_repr(self) -> str:
        return repr(self.pool)
