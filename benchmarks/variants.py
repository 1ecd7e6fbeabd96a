"""Make the variants that are compared on one model and batch: a function for a pass of each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.cases import floor, make_batch, make_model
from benchmarks.peers import peer
from benchmarks.textbook import Textbook

VARIANTS = ("ours", "textbook", "pytorch-geometric", "floor")


@dataclass(frozen=True)
class Variant:
    """One of the functions that are compared.

    Attributes:
        step: one pass: forward, in training with the backward pass.
        forward: the outputs ``(B, 1)``, or none for the floor.
        comparable: whether its outputs have to be those of ours.
    """

    step: Callable[[], object]
    forward: Callable[[], Tensor] | None = None
    comparable: bool = False


def make_variant(variant: str, model_name: str, batch_name: str, *, training: bool) -> Variant | None:
    """Make a variant ready to run; none where it cannot run (a package is missing, or memory).

    Args:
        variant: one of `VARIANTS`.
        model_name: one of `benchmarks.cases.MODELS`.
        batch_name: one of `benchmarks.cases.BATCHES`.
        training: forward and backward passes, instead of forward alone.
    """
    batch = make_batch(batch_name)
    sizes = batch.sizes.tolist()
    if variant == "floor":
        return Variant(floor(model_name, sizes, training=training))
    model = make_model(model_name)
    if variant == "ours":
        return _variant(model, lambda: model(batch), training=training, comparable=True)
    if variant == "textbook":
        textbook = Textbook(model)
        padded, counts = batch.to_padded()
        mask = torch.arange(padded.shape[1]) < counts[:, None]
        return _variant(model, lambda: textbook(padded, mask), training=training, comparable=True)
    other = peer(model_name, sizes, training=training)
    if other is None:
        return None
    return _variant(other, lambda: other(batch), training=training, comparable=False)


def _variant(model, forward: Callable[[], Tensor], *, training: bool, comparable: bool) -> Variant:
    parameters = list(model.parameters())

    def step() -> None:
        if not training:
            with torch.no_grad():
                forward()
            return
        for parameter in parameters:
            parameter.grad = None
        forward().square().mean().backward()

    return Variant(step, forward, comparable)
