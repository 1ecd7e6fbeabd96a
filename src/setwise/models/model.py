"""Models: the interface of those of every family, and the one of an encoder, a pooling and a decoder."""

from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers.containers import stream_layers
from setwise.models.memory import run_layers
from setwise.models.spec import Spec
from setwise.streaming.rows import Rows


class Model(nn.Module):
    """The interface of the models of every family: a module from a `SetBatch` to outputs.

    Its whole state is its tensors and its specification.

    Shapes: elements ``(N, in_features)`` (images ``(N, in_features, height, width)``, categories ``(N, in_features)``
    whole numbers) and covariates ``(B, covariates)`` where the model has some, to ``(B, out_features)``; with outputs
    per element to a `SetBatch` of elements ``(N, out_features)``.

    Args:
        spec: what the model was built from.

    Attributes:
        memory: "low" computes the activations of each layer anew for the backward pass, with the same gradients; to be
            set at any time. "normal" keeps them.
    """

    def __init__(self, spec: Spec):
        super().__init__()
        self.spec = spec
        self.memory = "normal"

    def check(self, batch: SetBatch) -> None:
        """Refuse what is no batch, and elements or covariates that the model was not built for."""
        check_batch(self.spec, batch)

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:  # noqa: ARG002 - of models that stream
        """Return the outputs for one set, ``(1, K)``, or of its elements ``(n, K)``, from rows never all in memory.

        Args:
            rows: the elements of the set.
            covariates: ``(1, C)`` of the set, or none.

        Raises:
            TypeError: a model that does not stream.
        """
        raise TypeError(
            f"sets this large need a model that streams; {type(self).__name__} does not. Use sub-samples "
            "(max_elements, --max-elements)."
        )


class SetModel(Model):
    """decoder(pooling(encoder(batch)), covariates); invariant. Build one with `setwise.models.build`.

    Shapes: as for `Model`, to ``(B, out_features)``.

    Args:
        spec: what the model was built from.
        encoder: maps a `SetBatch` to one with the same layout.
        pooling: maps a `SetBatch` to what the decoder takes.
        decoder: maps the pooled sets and the covariates to ``(B, out_features)``.
    """

    def __init__(self, spec: Spec, encoder: nn.Module, pooling: nn.Module, decoder: nn.Module):
        super().__init__(spec)
        self.encoder, self.pooling, self.decoder = encoder, pooling, decoder

    def forward(self, batch: SetBatch) -> Tensor:
        self.check(batch)
        return self.decoder(self.pooling(run_layers(self.encoder, batch, memory=self.memory)), batch.covariates)

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:
        pooled = stream_layers(self.pooling, stream_layers(self.encoder, rows))
        return self.decoder(pooled, None if covariates is None else covariates.to(rows.sweeper.device))


def check_batch(spec: Spec, batch: SetBatch) -> None:
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
