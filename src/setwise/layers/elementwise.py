"""Any module of tensors, on each element by itself."""

from torch import nn

from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer
from setwise.streaming.rows import Rows


class Elementwise(SetLayer):
    """Apply a module of tensors to each element by itself; equivariant.

    Shapes: a `SetBatch` with elements ``(N, ...)`` to one with the same layout and elements ``module(elements)``.

    Args:
        module: maps ``(N, ...)`` to ``(N, ...)``, row by row.

    Example:
        >>> import torch
        >>> layer = Elementwise(nn.Linear(2, 5))
        >>> layer(SetBatch.from_list([torch.rand(3, 2)])).elements.shape
        torch.Size([3, 5])
    """

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, batch: SetBatch) -> SetBatch:
        return batch.with_elements(self.module(batch.elements))

    def stream(self, rows: Rows) -> Rows:
        return rows.map(self.module)

    def ties(self) -> tuple[str, ...]:
        return ()
