"""Put summaries of sets side by side."""

from collections.abc import Callable, Mapping, Sequence

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
        for part in self.each():
            part.fit(batches, seed=seed)

    def held(self, features: int) -> int:
        return max(part.held(features) for part in self.each())

    def forward(self, batch: SetBatch, known: dict[str, Tensor] | None = None) -> Tensor:
        """Summarise sets; ``known`` numbers of summaries, by word, are taken, and those that are computed join them."""
        return self._joined(known, lambda part: part(batch))

    def stream(self, rows: Rows, known: dict[str, Tensor] | None = None) -> Tensor:
        rows = rows.kept()
        return self._joined(known, lambda part: part.stream(rows))

    def _joined(self, known: dict[str, Tensor] | None, compute: Callable[[SetSummary], Tensor]) -> Tensor:
        known = {} if known is None else known
        for word, part in zip(self.parts, self.each(), strict=True):
            if word not in known:
                known[word] = compute(part)
        return torch.cat([known[word] for word in self.parts], 1)

    def ties(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for part in self.each() for word in part.ties()))

    def each(self) -> list[SetSummary]:
        """Return the summaries."""
        return list(self.parts.values())  # pyright: ignore[reportReturnType] they were given so
