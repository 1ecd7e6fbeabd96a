"""Models: the interface of those of every family, and the one of an encoder, a pooling and a decoder."""

import copy
from itertools import chain

import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers.containers import pooled_without, seeded_pooling, stream_layers, ties_of
from setwise.models.memory import run_layers
from setwise.models.spec import Spec
from setwise.streaming.rows import Rows

_ROWS = 1 << 14  # elements left out of the pooled vector at a time


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
        has_gradients: outputs have gradients by the elements.
        pools_last: elements are encoded, then pooled, so that `without_each` needs one encoding.
    """

    has_gradients = False
    pools_last = False

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
            InputError: a model that does not stream.
            TypeError: a layer that does not stream.
        """
        raise InputError(
            f"sets this large need a model that streams; {type(self).__name__} does not. Use sub-samples "
            "(max_elements, --max-elements)."
        )

    def ties(self) -> str | None:
        """Return what ties the elements of a set to each other before they are pooled, in words, or none.

        Where nothing does, the encoding of an element is the same whatever other elements there are, so that leaving
        one out changes the pooling alone.

        Raises:
            TypeError: a layer that does not say.
        """
        return f"{type(self).__name__} as a whole"

    def without_each(self, batch: SetBatch) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - of models that pool last
        """Return outputs for one set, ``(1, K)``, and without each of its elements ``(n, K)``, from one encoding.

        What the encoder takes from the set as a whole is held as the whole set gives it. In float64 after the encoder,
        since differences are of the order of 1 / n.

        Args:
            batch: one set of n elements, n at least 2.

        Raises:
            TypeError: a model that does not pool last, or a pooling that does not say.
        """
        raise TypeError(f"{type(self).__name__} does not pool encoded elements; recompute.")

    @property
    def has_attention(self) -> bool:
        """True where learned seeds attend to the elements."""
        return False

    def attention_logits(self, batch: SetBatch) -> Tensor:  # noqa: ARG002 - of models with attention
        """Return logits ``(H, I, n)`` with which I seeds look at the n elements of one set.

        Raises:
            TypeError: a model without attention.
        """
        raise TypeError(f"{type(self).__name__} has no attention; explain by another method (--method).")

    def shift(self, by: Tensor) -> None:  # noqa: ARG002 - of models whose outputs can be shifted
        """Add constants ``(K,)`` to all outputs, in place.

        Raises:
            TypeError: a model whose outputs cannot be shifted.
        """
        raise TypeError(f"the outputs of {type(self).__name__} cannot be shifted by constants.")


class SetModel(Model):
    """decoder(pooling(encoder(batch)), covariates); invariant. Build one with `setwise.models.build`.

    Shapes: as for `Model`, to ``(B, out_features)``.

    Args:
        spec: what the model was built from.
        encoder: maps a `SetBatch` to one with the same layout.
        pooling: maps a `SetBatch` to what the decoder takes.
        decoder: maps the pooled sets and the covariates to ``(B, out_features)``.
    """

    has_gradients = True
    pools_last = True

    def __init__(self, spec: Spec, encoder: nn.Module, pooling: nn.Module, decoder: nn.Module):
        super().__init__(spec)
        self.encoder, self.pooling, self.decoder = encoder, pooling, decoder

    def forward(self, batch: SetBatch) -> Tensor:
        self.check(batch)
        return self.decoder(self.pooling(run_layers(self.encoder, batch, memory=self.memory)), batch.covariates)

    def stream(self, rows: Rows, covariates: Tensor | None) -> Tensor:
        pooled = stream_layers(self.pooling, stream_layers(self.encoder, rows))
        return self.decoder(pooled, None if covariates is None else covariates.to(rows.sweeper.device))

    def ties(self) -> str | None:
        return " and ".join(ties_of(self.encoder)) or None

    def without_each(self, batch: SetBatch) -> tuple[Tensor, Tensor]:
        encoded = self.encoder(batch).elements.double()
        pooling, decoder = (copy.deepcopy(part).double() for part in (self.pooling, self.decoder))
        covariates = None if batch.covariates is None else batch.covariates.double()
        whole = decoder(pooling(batch.with_elements(encoded)), covariates)
        without = []
        for rows in torch.arange(len(encoded), device=encoded.device).split(_ROWS):
            own = None if covariates is None else covariates.expand(len(rows), -1)
            without.append(decoder(pooled_without(pooling, encoded, rows), own))
        return whole, torch.cat(without)

    @property
    def has_attention(self) -> bool:
        return seeded_pooling(self.pooling) is not None

    def attention_logits(self, batch: SetBatch) -> Tensor:
        pooling = seeded_pooling(self.pooling)
        if pooling is None:
            return super().attention_logits(batch)
        return pooling.attention_logits(self.encoder(batch))

    @torch.no_grad()
    def shift(self, by: Tensor) -> None:
        last = [module for module in self.decoder.modules() if isinstance(module, nn.Linear)][-1]
        last.bias.add_(by.to(last.bias))


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


def tensor_of(model: nn.Module) -> Tensor:
    """Return a floating tensor of a model, which tells its dtype and its device."""
    return next(x for x in chain(model.parameters(), model.buffers()) if x.is_floating_point())
