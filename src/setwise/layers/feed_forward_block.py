"""The block of Deep Sets without a residual connection."""

import torch
from torch import nn

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer
from setwise.layers.norms.make import make_norm
from setwise.streaming.rows import Rows


class FeedForwardBlock(SetLayer):
    """A block of Deep Sets without a residual: ReLU(norm(linear(x))); equivariant.

    Shapes: elements ``(N, in_features)`` to ``(N, width)``, same layout.

    Args:
        in_features: features of an element.
        width: W, features of the result.
        norm: a word of `setwise.variants.NORMS`. The linear layer has a bias exactly when there is no norm.

    Source: Zaheer et al. 2017, arXiv 1703.06114; norms and bias as in Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        norm: str = "set",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(in_features=in_features, width=width)
        super().__init__()
        self.linear = nn.Linear(in_features, width, bias=norm == "none", device=device, dtype=dtype)
        self.norm = make_norm(norm, width, device=device, dtype=dtype)

    def forward(self, batch: SetBatch) -> SetBatch:
        h = self.norm(batch.with_elements(self.linear(batch.elements)))
        return h.with_elements(h.elements.relu())

    def stream(self, rows: Rows) -> Rows:
        hidden = rows.map(self.linear).kept()
        norm = self.norm.on_rows(hidden)
        return hidden.map(lambda x: norm(x).relu())

    def ties(self) -> tuple[str, ...]:
        return self.norm.ties()
