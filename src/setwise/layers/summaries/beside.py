"""Put summaries of sets side by side."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.streaming.rows import Rows


class Beside(SetSummary):
    """Join the numbers of several summaries of each set; invariant where they are.

    Shapes: elements ``(N, ...)`` to ``(B, P)``, the sum of theirs.

    Args:
        parts: summaries by their words.
    """

    def __init__(self, parts: Mapping[str, SetSummary]):
        super().__init__()
        self.parts = nn.ModuleDict(dict(parts))

    def fit(self, batches: Sequence[SetBatch], *, seed: int) -> None:
        for part in self._each():
            part.fit(batches, seed=seed)

    def held(self, features: int) -> int:
        return max(part.held(features) for part in self._each())

    def forward(self, batch: SetBatch) -> Tensor:
        return torch.cat([part(batch) for part in self._each()], 1)

    def stream(self, rows: Rows) -> Tensor:
        rows = rows.kept()
        return torch.cat([part.stream(rows) for part in self._each()], 1)

    def ties(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for part in self._each() for word in part.ties()))

    def _each(self) -> list[SetSummary]:
        return list(self.parts.values())  # pyright: ignore[reportReturnType] they were given so
