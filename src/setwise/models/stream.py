"""Models on one set of any size, exact, with the activations of one layer held once."""

from collections.abc import Callable

import torch
from torch import Tensor

from setwise._checks import check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.models.model import Model, tensor_of
from setwise.streaming.rows import HostElements, Rows, Sweeper

_NUMBERS = 1 << 20  # in the activations of a chunk: 4 MiB in float32, which caches hold


def stream(
    model: Model,
    source: HostElements,
    covariates: Tensor | None = None,
    *,
    chunk: int | None = None,
    memory_limit: int | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Tensor:
    """Return what a model in evaluation mode gives for one set, ``(1, K)``, in the memory of one layer's activations.

    Of a model with outputs per element it is ``(n, K)``, on the CPU, which must fit memory.

    The same as ``model`` on a batch of this set alone, to rounding; statistics and softmaxes are merged in float64.
    The activations ``(n, W)`` of one layer are held once, in memory or in a scratch file, and replaced in place.

    Args:
        model: of `setwise.models`, anywhere; its mode is restored.
        source: the elements, ready for the model, on the host.
        covariates: ``(1, C)`` of the set, or none.
        chunk: elements at a time; by default what caches hold.
        memory_limit: bytes of activations in memory; more go to a scratch file. By default, what is free.
        on_rows: told, after each chunk, how many rows were gone through; `count_sweeps` times n in all.

    Raises:
        InputError: a model that does not stream; elements or covariates that do not fit it; a disk that is too small
            for the scratch file.
        TypeError: a layer that does not stream.
    """
    first = source.read(0, 1)
    chunk = max(1, _NUMBERS // model.spec.numbers_of_element(first.numel())) if chunk is None else chunk
    check_positive(chunk=chunk)
    device = tensor_of(model).device
    training = model.training
    model.eval()
    sweeper = Sweeper(len(source), chunk, device, memory_limit, on_rows)
    try:
        with torch.no_grad():
            model.check(SetBatch(first, SetLayout.uniform(1, 1), covariates))
            return model.stream(Rows(sweeper, source=source), covariates)
    finally:
        sweeper.close()
        model.train(training)


def count_sweeps(model: Model, source: HostElements, covariates: Tensor | None = None) -> int:
    """Return how often `stream` goes through all rows, counted on the first elements of the set."""
    few = _Beginning(source)
    seen = [0]

    def count(rows: int) -> None:
        seen[0] += rows

    stream(model, few, covariates, on_rows=count)
    return seen[0] // len(few)


class _Beginning:
    def __init__(self, source: HostElements):
        self._source = source

    def __len__(self) -> int:
        return min(3, len(self._source))

    def read(self, start: int, stop: int) -> Tensor:
        return self._source.read(start, stop)
