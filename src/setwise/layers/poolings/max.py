"""The maximum over the elements of a set."""

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.layers.poolings.reduction import Reduction
from setwise.ops import set_max
from setwise.streaming.folds import Largest
from setwise.streaming.rows import Rows


class Maximum(Reduction):
    """Maximum of each feature; without element j, the second largest where h_j is the largest."""

    def reduce(self, x: Tensor, layout: SetLayout) -> Tensor:
        return set_max(x, layout)

    def grows_with_size(self) -> bool:
        return False

    def stream(self, rows: Rows) -> Tensor:
        largest = Largest()
        rows.sweep(largest.add)
        assert largest.value is not None
        return largest.value

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        largest, where = encoded.topk(2, dim=0)
        return torch.where(rows[:, None] == where[0], largest[1], largest[0])
