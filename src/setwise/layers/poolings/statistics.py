"""Pooling by several statistics side by side."""

import torch
from torch import Tensor, nn

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetPooling
from setwise.layers.poolings.max import Maximum
from setwise.layers.poolings.mean import Mean
from setwise.layers.poolings.std import StandardDeviation
from setwise.streaming.folds import Largest, Moments
from setwise.streaming.rows import Rows

_MEAN, _SPREAD, _LARGEST = Mean(), StandardDeviation(), Maximum()


class StatisticsPooling(SetPooling):
    """Mean, standard deviation, maximum and minimum of each feature, side by side, and a linear layer; invariant.

    Shapes: elements ``(N, width)`` to ``(B, width)``.

    Args:
        width: W, number of features, before and after.

    Source: the four aggregators of Corso et al. 2020, Principal neighbourhood aggregation for graph nets, arXiv
    2004.05718, section 2.3; without their scalers.

    Example:
        >>> pooling = StatisticsPooling(1)
        >>> _ = pooling.linear.load_state_dict({"weight": torch.eye(4)[2:3], "bias": torch.zeros(1)})  # the maximum
        >>> pooling(SetBatch.from_list([torch.tensor([[2.0], [8.0], [4.0]])]))
        tensor([[8.]], grad_fn=<AddmmBackward0>)
    """

    def __init__(self, width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        check_positive(width=width)
        super().__init__()
        self.linear = nn.Linear(4 * width, width, device=device, dtype=dtype)

    def forward(self, batch: SetBatch) -> Tensor:
        x, layout = batch.elements, batch.layout
        smallest = -_LARGEST.reduce(-x, layout)
        found = [_MEAN.reduce(x, layout), _SPREAD.reduce(x, layout), _LARGEST.reduce(x, layout), smallest]
        return self.linear(torch.cat(found, 1))

    def grows_with_size(self) -> bool:
        return False

    def stream(self, rows: Rows) -> Tensor:
        moments, largest, smallest = Moments(per_feature=True), Largest(), Largest()

        def visit(x: Tensor) -> None:
            moments.add(x)
            largest.add(x)
            smallest.add(-x)

        rows.sweep(visit)
        assert largest.value is not None
        assert smallest.value is not None
        dtype = largest.value.dtype
        found = [moments.mean.to(dtype), _SPREAD.of(moments.variance).to(dtype), largest.value, -smallest.value]
        return self.linear(torch.cat(found)[None])

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        smallest = -_LARGEST.without_each(-encoded, rows)
        found = [pooling.without_each(encoded, rows) for pooling in (_MEAN, _SPREAD, _LARGEST)]
        return self.linear(torch.cat([*found, smallest], 1))
