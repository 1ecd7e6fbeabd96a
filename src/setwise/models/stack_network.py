"""Build stacks: weighted means of what several models predict."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.models.building import build_from_spec
from setwise.models.links import mixed
from setwise.models.model import Model
from setwise.models.stack import StackSpec
from setwise.models.summary_model import SummaryModel
from setwise.streaming.rows import Rows


class Stack(Model):
    """The outputs that stand for the weighted mean of what several models predict; invariant.

    Shapes: as for `setwise.models.Model`, to ``(B, out_features)``.

    Args:
        spec: what the model was built from; it has the weights.
        parts: the models.
    """

    spec: StackSpec

    def __init__(self, spec: StackSpec, parts: Sequence[Model]):
        super().__init__(spec)
        self.parts = nn.ModuleList(parts)
        _share_summaries(parts)
        self.has_gradients = all(part.has_gradients for part in parts)

    @property
    def _models(self) -> list[Model]:
        return [part for part in self.parts if isinstance(part, Model)]

    def forward(self, batch: SetBatch) -> Tensor:
        self.check(batch)
        known: dict[str, Tensor] = {}  # numbers of summaries that parts share
        return self._mixed(
            [part(batch, known) if isinstance(part, SummaryModel) else part(batch) for part in self.parts]
        )

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:
        known: dict[str, Tensor] = {}
        return self._mixed(
            [
                part.stream(rows, covariates, known)
                if isinstance(part, SummaryModel)
                else part.stream(rows, covariates)
                for part in self._models
            ]
        )

    def ties(self) -> str | None:
        return " and ".join(dict.fromkeys(found for part in self._models if (found := part.ties()))) or None

    def shift(self, by: Tensor) -> None:
        for part in self._models:
            part.shift(by)

    def _mixed(self, outputs: Sequence[Tensor]) -> Tensor:
        if not outputs:
            raise RuntimeError("a stack is made by a fit; this one was never fitted.")
        sizes = [size for _, size in self.spec.heads]
        columns = zip(*(own.split(sizes, 1) for own in outputs), strict=True)
        given = zip(self.spec.heads, columns, self.spec.weights, self.spec.temperatures, strict=True)
        dtype = torch.promote_types(outputs[0].dtype, outputs[-1].dtype)
        return torch.cat(
            [mixed(kind, [x.to(dtype) for x in own], weights, t) for (kind, _), own, weights, t in given], 1
        )


def _share_summaries(parts: Sequence[Model]) -> None:
    """Have parts use the same summary of a word, which a stack is fitted with."""
    first: dict[str, nn.Module] = {}
    for part in parts:
        if isinstance(part, SummaryModel):
            for word, summary in part.summary.parts.items():
                part.summary.parts[word] = first.setdefault(word, summary)


def stack(spec: StackSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Stack:
    """Build a stack whose parts are still to be loaded."""
    return Stack(spec, [build_from_spec(part, device=device, dtype=dtype) for part in spec.parts])
