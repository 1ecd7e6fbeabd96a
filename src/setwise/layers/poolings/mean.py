"""The mean over the elements of a set."""

from torch import Tensor

from setwise.batch import SetLayout
from setwise.layers.poolings.reduction import Reduction
from setwise.ops import set_mean
from setwise.streaming.folds import Total
from setwise.streaming.rows import Rows


class Mean(Reduction):
    """Mean of each feature; without element j of n with the sum s, (s - h_j) / (n - 1)."""

    def reduce(self, x: Tensor, layout: SetLayout) -> Tensor:
        return set_mean(x, layout)

    def grows_with_size(self) -> bool:
        return False

    def stream(self, rows: Rows) -> Tensor:
        total = Total()
        rows.sweep(total.add)
        return (total.sum / total.count).to(total.dtype)

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        return (encoded.sum(0) - encoded[rows]) / (len(encoded) - 1)
