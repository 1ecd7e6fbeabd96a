"""The sum over the elements of a set."""

from torch import Tensor

from setwise.batch import SetLayout
from setwise.layers.poolings.reduction import Reduction
from setwise.ops import set_sum
from setwise.streaming.folds import Total
from setwise.streaming.rows import Rows


class Sum(Reduction):
    """Sum of each feature; without element j, the sum less h_j."""

    def reduce(self, x: Tensor, layout: SetLayout) -> Tensor:
        return set_sum(x, layout)

    def grows_with_size(self) -> bool:
        return True

    def stream(self, rows: Rows) -> Tensor:
        total = Total()
        rows.sweep(total.add)
        return total.sum.to(total.dtype)

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        return encoded.sum(0) - encoded[rows]
