"""Run training steps as a CUDA graph: launched at once, since the kernels of small batches are over sooner.

A graph repeats the same kernels on the same memory, so it serves batches of one shape: sets of one size, as many of
them each time. Their numbers are copied to where the graph reads them. The first few steps are done as usual, which
leaves nothing to be set up while the graph is recorded; recording computes nothing. Batches of other shapes (the last
of an epoch) are done as usual throughout, and so are all where recording fails (a model that looks at values).
"""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from setwise.batch import SetBatch
from setwise.fit.parts import Example

Group = Sequence[Example]
Step = Callable[[Group, float | Tensor], tuple[Tensor, Tensor]]
_AS_USUAL = 3  # steps before the recording
_LARGEST = 1 << 15  # elements of a batch; the kernels of larger ones outlast their launches


class Graph(Protocol):
    """Work of a device that is recorded once and repeated."""

    def prepare(self, work: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Do the work as usual, where it will be recorded."""
        ...

    def record(self, work: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Record the work without doing it; return where its results will be."""
        ...

    def replay(self) -> None:
        """Do the work that was recorded."""
        ...


class CudaGraph:
    """A `Graph` on a CUDA device, prepared and recorded on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream, self.graph = device, torch.cuda.Stream(device), torch.cuda.CUDAGraph()

    def prepare(self, work: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Do the work on the stream of the recording."""
        usual = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            results = work()
        usual.wait_stream(self.stream)
        return results

    def record(self, work: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Record the work; its memory stays the graph's."""
        with (
            torch.cuda.device(self.device),
            torch.cuda.graph(
                self.graph,
                stream=self.stream,
                capture_error_mode="thread_local",  # others may load data meanwhile
            ),
        ):
            return work()

    def replay(self) -> None:
        """Do the work, on the current stream."""
        self.graph.replay()


def graph_on(device: torch.device) -> Graph | None:
    """Return a graph for a device, where it has them."""
    return CudaGraph(device) if device.type == "cuda" else None


class CudaGraphSteps:
    """Steps of an optimizer, replayed where batches have the most frequent shape.

    Args:
        step: the gradient and the optimizer's step on some batches at a learning rate; gives tensors (loss, norm).
        optimizer: whose step it is; its learning rate becomes a tensor while a step is recorded or done.
        graph: records and replays.
        device: where batches are computed.
    """

    def __init__(self, step: Step, optimizer: Optimizer, graph: Graph, device: torch.device) -> None:
        self._step, self._optimizer, self._graph, self._device = step, optimizer, graph, device
        self._rate = torch.zeros((), device=device)
        self._seen: Counter[Hashable] = Counter()
        self._shape: Hashable = None  # of what was recorded
        self._inputs: Group = ()
        self._results: tuple[Tensor, Tensor] | None = None
        self._fails = False

    def __call__(self, group: Group, rate: float) -> tuple[Tensor, Tensor]:
        """Do one step, as a graph where it can be."""
        self._rate.fill_(rate)
        results = self._do(group)
        for parameters in self._optimizer.param_groups:
            parameters["lr"] = rate  # a number again, for whoever reads the optimizer's state
        return results

    def _do(self, group: Group) -> tuple[Tensor, Tensor]:
        shape = None if self._fails else _shape(group)
        if shape is None or self._shape not in (None, shape):
            return self._step(group, self._rate)
        self._seen[shape] += 1
        if self._seen[shape] <= _AS_USUAL:
            return self._graph.prepare(lambda: self._step(group, self._rate))
        if self._results is None and not self._record(group, shape):
            return self._step(group, self._rate)
        for example, to in zip(group, self._inputs, strict=True):
            _copy(example, to)
        self._graph.replay()
        assert self._results is not None
        loss, norm = self._results
        return loss.clone(), norm.clone()  # the next replay writes over them

    def _record(self, group: Group, shape: Hashable) -> bool:
        """Record a step on copies of these batches; false where that fails."""
        self._inputs = [_owned(example, self._device) for example in group]
        groups = self._optimizer.param_groups
        for parameters in groups:
            parameters["capturable"] = True  # asked by torch only here; in other steps it would warn
        try:
            self._results = self._graph.record(lambda: self._step(self._inputs, self._rate))
        except RuntimeError as error:
            self._fails, self._inputs = True, ()
            self._optimizer.zero_grad()
            warnings.warn(f"steps are not captured, only slower: {str(error).splitlines()[0]}", stacklevel=2)
            return False
        finally:
            for parameters in groups:
                parameters["capturable"] = False
        self._shape = shape
        return True


def _shape(group: Group) -> Hashable:
    """Return what must be the same for a graph to serve; none where it never does."""
    if any(e.batch.layout.set_size is None or len(e.batch.elements) > _LARGEST for e in group):
        return None
    return tuple((e.batch.layout.set_size, len(e.batch), *(_like(x) for x in _tensors(e))) for e in group)


def _like(x: Tensor | None) -> Hashable:
    return None if x is None else (x.shape, x.dtype)


def _tensors(example: Example) -> tuple[Tensor | None, ...]:
    return example.batch.elements, example.batch.covariates, example.encoded, example.weights


def _owned(example: Example, device: torch.device) -> Example:
    """Copy a batch to the device, so that nobody else writes to it."""
    batch = example.batch.to(device)
    elements, covariates, encoded, weights = (None if x is None else x.to(device, copy=True) for x in _tensors(example))
    assert elements is not None
    assert encoded is not None
    return Example(SetBatch(elements, batch.layout, covariates), encoded, weights)


def _copy(example: Example, to: Example) -> None:
    for source, target in zip(_tensors(example), _tensors(to), strict=True):
        if source is not None and target is not None:
            target.copy_(source, non_blocking=True)
