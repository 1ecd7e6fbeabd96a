"""Layers one after the other in little memory: each computes its activations anew for the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from setwise._checks import check_choice
from setwise.batch import SetBatch

MEMORY = ("normal", "low")


def run_layers(layers: nn.Module, batch: SetBatch, *, memory: str) -> SetBatch:
    """The layers of an encoder on a batch; with ``memory="low"`` only what passes between them is kept for gradients.

    Outputs and gradients are the same. Low memory keeps one tensor ``(N, W)`` per layer and costs another forward pass.

    Args:
        layers: an `nn.Sequential` of layers, or one layer.
        batch: what enters.
        memory: "normal" or "low".
    """
    check_choice("memory", memory, MEMORY)
    if memory == "normal" or not torch.is_grad_enabled():
        return layers(batch)
    for layer in layers if isinstance(layers, nn.Sequential) else [layers]:
        batch = checkpoint(layer, batch, use_reentrant=False, context_fn=lambda layer=layer: _contexts(layer))
    return batch


def _contexts(layer: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), _buffers_kept(layer)


@contextmanager
def _buffers_kept(layer: nn.Module) -> Iterator[None]:
    """Running statistics learn from a batch once, not once more when its activations are computed anew."""
    before = [(buffer, buffer.clone()) for buffer in layer.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
