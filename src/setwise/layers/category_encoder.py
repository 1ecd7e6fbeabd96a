"""The encoder of elements whose columns are categories."""

from collections.abc import Sequence

import torch
from torch import nn

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer, rowwise
from setwise.streaming.rows import Rows


class CategoryEncoder(SetLayer):
    """The sum of one embedding per categorical column; equivariant.

    Shapes: integer elements ``(N, C)``, or ``(N,)`` for one column, to ``(N, width)``, same layout.

    Args:
        categories: number of categories of each column; codes run from 0.
        width: features of the result.

    Example:
        >>> encoder = CategoryEncoder([3, 2], 5)
        >>> encoder(SetBatch.from_list([torch.tensor([[0, 1], [2, 0]])])).elements.shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        categories: Sequence[int],
        width: int,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width, **{f"categories[{i}]": n for i, n in enumerate(categories)})
        if not categories:
            raise InputError("categories must name at least one column; got none.")
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(count, width, device=device, dtype=dtype) for count in categories)

    def forward(self, batch: SetBatch) -> SetBatch:
        codes = batch.elements if batch.elements.dim() == 2 else batch.elements[:, None]
        columns = len(self.embeddings)
        if codes.is_floating_point() or codes.shape[1:] != (columns,):
            raise InputError(
                f"categorical elements must be whole numbers of shape (N, {columns}); "
                f"got {batch.dtype} of shape {tuple(batch.elements.shape)}."
            )
        terms = [embedding(codes[:, i].long()) for i, embedding in enumerate(self.embeddings)]
        return batch.with_elements(torch.stack(terms).sum(0))

    def stream(self, rows: Rows) -> Rows:
        return rows.map(rowwise(self))

    def ties(self) -> tuple[str, ...]:
        return ()
