"""The layer of poolings without parameters: a set to a vector."""

from torch import Tensor

from setwise import variants
from setwise._checks import check_choice
from setwise.batch import SetBatch
from setwise.layers.layer import SetPooling
from setwise.layers.poolings.reduction import Reduction
from setwise.streaming.rows import Rows

REDUCTIONS: dict[str, Reduction] = {word: variants.find(place)() for word, place in variants.REDUCTIONS.items()}


class Pooling(SetPooling):
    """Sum, mean, maximum or population standard deviation over the elements of each set; invariant.

    Shapes: elements ``(N, ...)`` to a tensor ``(B, ...)``.

    Args:
        pool: a word of `setwise.variants.REDUCTIONS`: "sum", "mean", "max" or "std". The standard deviation is
            sqrt(variance + 1e-5), so that sets of one element have a gradient.

    Example:
        >>> import torch
        >>> Pooling("mean")(SetBatch.from_list([torch.ones(3, 2), torch.zeros(1, 2)]))
        tensor([[1., 1.],
                [0., 0.]])
    """

    def __init__(self, pool: str):
        check_choice("pool", pool, tuple(REDUCTIONS))
        super().__init__()
        self.pool = pool

    def forward(self, batch: SetBatch) -> Tensor:
        return REDUCTIONS[self.pool].reduce(batch.elements, batch.layout)

    def grows_with_size(self) -> bool:
        return REDUCTIONS[self.pool].grows_with_size()

    def stream(self, rows: Rows) -> Tensor:
        return REDUCTIONS[self.pool].stream(rows).unsqueeze(0)

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        return REDUCTIONS[self.pool].without_each(encoded, rows)

    def extra_repr(self) -> str:
        return repr(self.pool)
