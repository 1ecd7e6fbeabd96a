"""Run layers one after the other in little memory: segments recompute their activations in the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import isqrt

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from setwise._checks import check_choice
from setwise.batch import SetBatch

MEMORY = ("normal", "low")


def run_layers(layers: nn.Module, batch: SetBatch, *, memory: str) -> SetBatch:
    """Run the layers of an encoder; with ``memory="low"`` only what passes between segments of them is kept.

    Outputs and gradients are the same. Of L layers, segments of k keep L / k tensors ``(N, W)`` between them and, one
    segment at a time, what its layers keep: two tensors for a block of Deep Sets, seven for one of a Set Transformer.
    k = sqrt(L) / 2 is near the least of both sums, and low memory grows as the square root of the depth. It costs
    another forward pass.

    Args:
        layers: an `nn.Sequential` of layers, or one layer.
        batch: what enters.
        memory: "normal" or "low".
    """
    check_choice("memory", memory, MEMORY)
    if memory == "normal" or not torch.is_grad_enabled():
        return layers(batch)
    for segment in segments(layers):
        batch = checkpoint(segment, batch, use_reentrant=False, context_fn=lambda segment=segment: _contexts(segment))
    return batch


def segments(layers: nn.Module) -> list[nn.Module]:
    """Cut layers, in order, into the segments that are recomputed one at a time."""
    if not isinstance(layers, nn.Sequential):
        return [layers]
    length = max(1, isqrt(len(layers)) // 2)
    return [layers[start : start + length] for start in range(0, len(layers), length)]


def _contexts(segment: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), _buffers_kept(segment)


@contextmanager
def _buffers_kept(segment: nn.Module) -> Iterator[None]:
    """Keep running statistics, which learn from a batch once, as they are when activations are recomputed."""
    before = [(buffer, buffer.clone()) for buffer in segment.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
