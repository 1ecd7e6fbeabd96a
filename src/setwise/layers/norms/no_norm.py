"""No norm, where a block has room for one."""

import torch

from setwise.batch import SetBatch
from setwise.layers.layer import Norm
from setwise.streaming.rows import Function, Rows, same


class NoNorm(Norm):
    """Leave the elements as they are; equivariant.

    Shapes: a `SetBatch` to itself.

    Args: as of every norm; none matters.
    """

    def __init__(
        self,
        width: int | None = None,  # noqa: ARG002 - norms are made alike
        *,
        device: torch.device | None = None,  # noqa: ARG002
        dtype: torch.dtype | None = None,  # noqa: ARG002
    ):
        super().__init__()

    def forward(self, batch: SetBatch) -> SetBatch:
        return batch

    def crosses_sets(self) -> bool:
        return False

    def on_rows(self, rows: Rows) -> Function:  # noqa: ARG002 - nothing is asked of them
        return same

    def stream(self, rows: Rows) -> Rows:
        return rows

    def ties(self) -> tuple[str, ...]:
        return ()
