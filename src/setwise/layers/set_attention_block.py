"""The attention block in which the elements of a set attend to each other."""

import torch

from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer, Streamed, cannot_stream
from setwise.layers.multihead_attention_block import MultiheadAttentionBlock
from setwise.streaming.rows import Rows


class SetAttentionBlock(SetLayer):
    """SAB(x) = MAB(x, x): the elements of a set attend to each other; equivariant. Costs n_i^2 per set.

    Shapes: elements ``(N, in_features)`` to ``(N, width)``, same layout.

    Args: as `MultiheadAttentionBlock`.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 8.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        heads: int = 4,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.block = MultiheadAttentionBlock(
            in_features,
            width,
            heads=heads,
            norm=norm,
            residual=residual,
            path=path,
            device=device,
            dtype=dtype,
        )

    def forward(self, batch: SetBatch) -> SetBatch:
        return self.block(batch, batch)

    def stream(self, rows: Rows) -> Streamed:  # noqa: ARG002 - refused whatever they are
        raise cannot_stream(
            self, "In it all elements attend to each other: use InducedSetAttentionBlock, or sub-samples."
        )

    def ties(self) -> tuple[str, ...]:
        return ("attention between elements",)
