"""Measure times and memory of a function, in turn with others, so that slow moments of the machine hit all alike."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile


@dataclass(frozen=True)
class Timing:
    """Median and quantiles of repeated timings, in seconds."""

    median: float
    low: float
    high: float

    def over(self, parts: int) -> "Timing":
        """Return the timing of one of so many equal parts."""
        return Timing(self.median / parts, self.low / parts, self.high / parts)


def compare(functions: Mapping[str, Callable[[], object]], *, seconds: float, repeats: int = 50) -> dict[str, Timing]:
    """Time functions in turn, after one warm-up each.

    Args:
        functions: what to time, by name.
        seconds: to spend on all of them, about.
        repeats: most rounds; three at least.
    """
    for function in functions.values():
        function()
    taken: dict[str, list[float]] = {name: [] for name in functions}
    began = time.perf_counter()
    for done in range(repeats):
        if done >= 3 and time.perf_counter() - began > seconds:
            break
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name].append(time.perf_counter() - start)
    return {name: timing_of(times) for name, times in taken.items()}


def timing_of(times: list[float]) -> Timing:
    """Return median and quantiles of times."""
    ordered = torch.tensor(times).quantile(torch.tensor([0.1, 0.5, 0.9])).tolist()
    return Timing(median=ordered[1], low=ordered[0], high=ordered[2])


def kept_bytes(forward: Callable[[], torch.Tensor]) -> int:
    """Count bytes of tensors that a forward pass keeps for the backward pass, each storage once, parameters aside."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # an output that its own node keeps would never be freed

    held = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held.append(forward())
    return sum(kept.values())


def peak_allocated(step: Callable[[], object]) -> int:
    """Return the most bytes that torch has allocated at a time while a function runs, beyond those before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=False) as profiled:
        step()
    profiler: Any = profiled.profiler
    changes, events = [], list(profiler.kineto_results.experimental_event_tree())
    while events:
        event = events.pop()
        events.extend(event.children)
        if event.tag.name == "Allocation":
            changes.append((event.start_time_ns, event.extra_fields.alloc_size))
    return max(accumulate((size for _, size in sorted(changes, key=itemgetter(0))), initial=0))


def peak_bytes() -> int:
    """Return the most memory that this process has held so far.

    Linux counts what a parent held when it started the process in ``ru_maxrss``, but not in ``VmHWM``.
    """
    if sys.platform == "linux":
        return resident_bytes("VmHWM")
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident_bytes(what: str = "VmRSS") -> int:
    """Return the memory that this process holds now; ``RssAnon`` of Linux leaves out pages of mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def peak_of(variant: str, model: str, batch: str, way: str) -> int:
    """Measure the most memory that a process holds that does one pass and nothing else."""
    return int(in_own_process("peak", variant, model, batch, way))


def in_own_process(command: str, *arguments: object) -> Any:
    """Run a command of the benchmarks in a process of its own, and return the JSON that it prints last."""
    words = [sys.executable, "-m", "benchmarks", command, *map(str, arguments)]
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(printed.splitlines()[-1])
