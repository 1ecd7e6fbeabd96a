"""Measure times on a device, its ceilings, and the bound that they set on a layer."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.measure import Timing, timing_of

Work = Callable[[], object]
_WARM_UP = 3


def time_on(device: torch.device, work: Work, *, seconds: float, repeats: int = 200) -> Timing:
    """Time work on a device, between two of its events each; on a CPU by the clock.

    Args:
        device: where.
        work: what.
        seconds: to spend, about.
        repeats: most repeats; three at least.
    """
    for _ in range(_WARM_UP):
        work()
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < repeats and (len(taken) < 3 or time.perf_counter() - began < seconds):
        taken.append(_seconds_of(device, work))
    return timing_of(taken)


def _seconds_of(device: torch.device, work: Work) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def as_graph(device: torch.device, work: Work) -> Work:
    """Capture work as one CUDA graph, so that only the device's time is seen; on a CPU return the work itself."""
    if device.type != "cuda":
        return work
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            work()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        held = work()  # its memory is the graph's

    def replay() -> object:
        graph.replay()
        return held

    return replay


@dataclass(frozen=True)
class Ceilings:
    """Ceilings of a device: its bandwidth and its rate of operations.

    Attributes:
        bandwidth: bytes a second, those read and those written, of a large copy.
        rate: operations a second of a large matrix product, two for a product and its sum.
    """

    bandwidth: float
    rate: float

    @classmethod
    def measured(
        cls, device: torch.device, dtype: torch.dtype, *, copied: int, side: int, seconds: float
    ) -> "Ceilings":
        """Measure them.

        Args:
            device: where.
            dtype: of the matrices.
            copied: bytes of the copy.
            side: of the matrices, on random numbers, since zeros multiply faster.
            seconds: to spend on each, about.
        """
        source = torch.ones(copied // 4, device=device)
        target = torch.empty_like(source)
        copy = time_on(device, lambda: target.copy_(source), seconds=seconds)
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        product = time_on(device, lambda: a @ b, seconds=seconds)
        return cls(2 * copied / copy.median, 2 * side**3 / product.median)

    def bound(self, moved: int, operations: int) -> float:
        """Return the seconds that work takes at least: the larger of its bytes and its operations over the ceilings."""
        return max(moved / self.bandwidth, operations / self.rate)


@dataclass(frozen=True)
class BlockWork:
    """The least work of a residual block, x + linear(ReLU(norm(linear(ReLU(norm(x)))))), in tensors ``(N, W)``.

    Forward, each layer reads its input and writes its result, and the last reads x again: 5. Backward, each reads the
    gradient of its result and its input and writes a gradient, and the first reads the residual's: 7.
    """

    elements: int
    width: int
    itemsize: int

    def moved(self, *, training: bool) -> int:
        """Return the bytes that are read and written."""
        return (12 if training else 5) * self.elements * self.width * self.itemsize

    def operations(self, *, training: bool) -> int:
        """Return the operations of the products: two forward, four backward."""
        return (6 if training else 2) * 2 * self.elements * self.width**2
