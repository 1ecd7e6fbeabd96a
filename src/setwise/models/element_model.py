"""Models with one output per element: an equivariant encoder and a linear head."""

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch, SetLayout
from setwise.layers import Elementwise
from setwise.layers.containers import stream_layers
from setwise.models.memory import run_layers
from setwise.models.model import Model
from setwise.models.spec import Spec
from setwise.ops import set_max, set_sum, to_elements
from setwise.streaming.rows import Rows


class ElementModel(Model):
    """head(encoder(elements with the covariates of their set)), one row of outputs per element; equivariant.

    With ``output="which-element"`` the outputs are log-probabilities of being the one element that is meant: the logits
    less the logarithm of the sum of their exponentials over the set. Plain Deep Sets treat every element alone.

    Shapes: as for `Model`, to a `SetBatch` of elements ``(N, out_features)`` with the same layout.

    Args:
        spec: what the model was built from.
        encoder: maps a `SetBatch` to one with the same layout and ``width`` features.
        head: maps a `SetBatch` to one with ``out_features`` features, each element by itself.

    Source: Zhang et al. 2022, arXiv 2206.11925, the anomaly task, as in the authors' code.
    Differs from the paper: the authors' code applies the softmax before a cross entropy that applies it again.

    Example:
        >>> from setwise.models import build
        >>> batch = SetBatch.from_list([torch.rand(3, 2), torch.rand(5, 2)])
        >>> build("deep-sets++", 2, 4, depth=2, width=8, output="elements")(batch).elements.shape
        torch.Size([8, 4])
    """

    has_gradients = True

    def __init__(self, spec: Spec, encoder: nn.Module, head: nn.Module):
        super().__init__(spec)
        self.encoder, self.head = encoder, head

    def forward(self, batch: SetBatch) -> SetBatch:
        self.check(batch)
        if batch.covariates is not None:
            batch = with_covariates(batch)
        outputs = self.head(run_layers(self.encoder, batch, memory=self.memory))
        if self.spec.output == "which-element":
            return outputs.with_elements(log_softmax_over_sets(outputs.elements, outputs.layout))
        return outputs

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:
        if covariates is not None:
            own = covariates.to(rows.sweeper.device)
            rows = rows.map(lambda x: torch.cat([x, own.to(x.dtype).expand(len(x), -1)], 1))
        found = stream_layers(self.head, stream_layers(self.encoder, rows))
        assert isinstance(found, Rows)
        outputs: list[Tensor] = []
        found.sweep(lambda x: outputs.append(x.cpu()))
        logits = torch.cat(outputs)
        return logits.log_softmax(0) if self.spec.output == "which-element" else logits


def element_head(spec: Spec, width: int, *, device: torch.device | None, dtype: torch.dtype | None) -> nn.Module:
    """Return the linear layer after an encoder that gives ``width`` features, on each element."""
    return Elementwise(nn.Linear(width, spec.out_features, device=device, dtype=dtype))


def with_covariates(batch: SetBatch) -> SetBatch:
    """Return a batch of vectors ``(N, D + C)``: every element with the covariates of its set after its own features."""
    assert batch.covariates is not None
    added = to_elements(batch.covariates, batch.layout).to(batch.dtype)
    return SetBatch(torch.cat([batch.elements, added], 1), batch.layout)


def log_softmax_over_sets(logits: Tensor, layout: SetLayout) -> Tensor:
    """Return ``x_i - log(sum_j exp(x_j))`` over the elements j of each set, ``(N, K)`` to ``(N, K)``; equivariant."""
    shifted = logits - to_elements(set_max(logits.detach(), layout), layout)
    return shifted - to_elements(set_sum(shifted.exp(), layout).log(), layout)
