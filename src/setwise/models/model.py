"""The model of both families: an equivariant encoder, a pooling and a decoder."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers import CategoryEncoder, ImageEncoder
from setwise.layers.containers import stream_layers
from setwise.models.memory import run_layers
from setwise.models.spec import DeepSetsSpec, SetTransformerSpec
from setwise.streaming.rows import Rows


class SetModel(nn.Module):
    """decoder(pooling(encoder(batch)), covariates); invariant. Build one with `setwise.models.build`.

    Shapes: elements ``(N, in_features)`` (images ``(N, in_features, height, width)``, categories ``(N, in_features)``
    whole numbers) and covariates ``(B, covariates)`` where the model has some, to ``(B, out_features)``.

    Args:
        spec: what the model was built from.
        encoder: maps a `SetBatch` to one with the same layout.
        pooling: maps a `SetBatch` to what the decoder takes.
        decoder: maps the pooled sets and the covariates to ``(B, out_features)``.

    Attributes:
        memory: "low" computes the activations of each layer anew for the backward pass, with the same gradients; to be
            set at any time. "normal" keeps them.
    """

    def __init__(
        self,
        spec: DeepSetsSpec | SetTransformerSpec,
        encoder: nn.Module,
        pooling: nn.Module,
        decoder: nn.Module,
    ):
        super().__init__()
        self.spec = spec
        self.encoder, self.pooling, self.decoder = encoder, pooling, decoder
        self.memory = "normal"

    def forward(self, batch: SetBatch) -> Tensor:
        self.check(batch)
        return self.decoder(self.pooling(run_layers(self.encoder, batch, memory=self.memory)), batch.covariates)

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:
        """Return the outputs ``(1, K)`` for one set, from rows that are never all in memory."""
        pooled = stream_layers(self.pooling, stream_layers(self.encoder, rows))
        return self.decoder(pooled, None if covariates is None else covariates.to(rows.sweeper.device))

    def check(self, batch: SetBatch) -> None:
        """Refuse what is no batch, and elements or covariates that the model was not built for."""
        check_batch(self.spec, batch)


def check_batch(spec: DeepSetsSpec | SetTransformerSpec, batch: SetBatch) -> None:
    """Refuse what is no batch, and elements or covariates that a specification does not fit."""
    if not isinstance(batch, SetBatch):
        raise TypeError(
            f"a model takes a SetBatch; got {type(batch).__name__}. "
            "Make one with SetBatch.from_list or SetBatch.from_padded."
        )
    shape = tuple(batch.elements.shape[1:])
    if spec.elements == "vectors" and (shape != (spec.in_features,) or not batch.elements.is_floating_point()):
        raise InputError(
            f"elements must be floating numbers of shape (N, {spec.in_features}), as the model was built; "
            f"got {batch.dtype} of shape (N, {', '.join(map(str, shape))})."
        )
    got = 0 if batch.covariates is None else batch.covariates.shape[1]
    if got != spec.covariates:
        raise InputError(f"the model was built for {spec.covariates} covariates; the batch has {got}.")


def element_encoder(
    spec: DeepSetsSpec | SetTransformerSpec, *, device: torch.device | None, dtype: torch.dtype | None
) -> tuple[list[nn.Module], int]:
    """What comes before the encoder where elements are not vectors, and how many features the encoder takes in.

    Of a model with outputs per element, the covariates of the set are features of each element.
    """
    if spec.elements == "categories":
        assert spec.categories is not None
        return [CategoryEncoder(spec.categories, spec.width, device=device, dtype=dtype)], spec.width
    if spec.elements == "images":
        return [ImageEncoder(spec.in_features, device=device, dtype=dtype)], ImageEncoder.out_features
    return [], spec.in_features + (spec.covariates if spec.output != "sets" else 0)
