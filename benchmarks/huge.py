"""Huge sets: inference streamed from a mapped file, and training steps in low memory: ``python -m benchmarks huge``."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
import typer

import setwise as sw
from benchmarks.cases import FEATURES, MODELS, make_model
from benchmarks.measure import in_own_process, peak_bytes
from benchmarks.rows import append, conditions
from setwise._checks import check_choice
from setwise.models.stream import count_sweeps, stream
from setwise.streaming import SweepBar
from setwise.streaming.scratch import parse_bytes

RESULTS = Path(__file__).parent / "huge.csv"
_COLUMNS = (
    *("date", "commit", "device", "threads", "torch", "setwise", "dtype"),
    *("model", "pass", "elements", "memory_limit", "seconds", "peak_bytes", "compared_at", "difference"),
)
_WAYS = ("inference", "training")


def huge(
    ways: Annotated[str, typer.Option(help="inference, training or both, separated by a comma.")] = ",".join(_WAYS),
    models: Annotated[str, typer.Option(help="Separated by commas.")] = "deep-sets++ 50,set-transformer++ 16",
    elements: Annotated[int, typer.Option(help="Of the set whose prediction is streamed.")] = 10_000_000,
    training_elements: Annotated[int, typer.Option(help="Of the set of the training step.")] = 1_000_000,
    compared_at: Annotated[int, typer.Option(help="Elements of the set that is also computed in memory.")] = 200_000,
    memory_limit: Annotated[str, typer.Option(help="Of activations, such as 256MiB; more go to a file.")] = "",
    directory: Annotated[Path, typer.Option(help="Where the file of the set lies for a while.")] = Path(),
) -> None:
    """Measure time and the process's peak memory, check both against less extreme ways, add rows to the results."""
    for way in ways.split(","):
        check_choice("the pass", way, _WAYS)
        for model in models.split(","):
            check_choice("the model", model, tuple(MODELS))
            count = elements if way == "inference" else training_elements
            case = {"model": model, "pass": way, "elements": str(count), "compared_at": str(compared_at)}
            with TemporaryDirectory(dir=directory) as folder:
                if way == "inference":
                    _write(Path(folder) / "set.npy", count)
                    limit = memory_limit or "none"
                    found = in_own_process("huge-inference", model, Path(folder) / "set.npy", compared_at, limit)
                    case["memory_limit"] = memory_limit
                else:
                    found = in_own_process("huge-training", model, count)
                    found["difference"] = in_own_process("huge-gradients", model, compared_at)
            append([conditions() | case | {name: f"{value:.4g}" for name, value in found.items()}], RESULTS, _COLUMNS)
            print(case | found, flush=True)


def huge_inference(model: str, path: Path, compared_at: int, memory_limit: str) -> None:
    """Print time, peak memory, and the difference from the whole set in memory for the first elements of the file."""
    built, limit = make_model(model).eval(), None if memory_limit == "none" else parse_bytes(memory_limit)
    source = _Mapped(path)
    with SweepBar(show=None) as bar:
        bar.begin(model, count_sweeps(built, source) * len(source))
        began = time.perf_counter()
        stream(built, source, memory_limit=limit, on_rows=bar.advance)
        seconds, peak = time.perf_counter() - began, peak_bytes()
    few = _Mapped(path, compared_at)
    with torch.no_grad():
        whole = built(sw.SetBatch.from_packed(few.read(0, len(few)), [len(few)]))
    difference = float((stream(built, few, memory_limit=limit) - whole).abs().max() / whole.abs().max())
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "difference": difference}))


def huge_training(model: str, elements: int) -> None:
    """Print time and peak memory of one training step with exact gradients in low memory."""
    began = time.perf_counter()
    _gradients(model, elements, "low")
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_bytes": peak_bytes()}))


def huge_gradients(model: str, elements: int) -> None:
    """Print the largest difference of the gradients in low memory from those in normal memory, relative."""
    low, normal = (_gradients(model, elements, memory) for memory in ("low", "normal"))
    largest = max(float(g.abs().max()) for g in normal)
    print(max(float((a - b).abs().max()) for a, b in zip(low, normal, strict=True)) / largest)


def _gradients(model: str, elements: int, memory: str) -> list[torch.Tensor]:
    built = make_model(model)
    built.memory = memory
    x = torch.randn(elements, FEATURES, generator=torch.Generator().manual_seed(0))
    built(sw.SetBatch.from_packed(x, [elements])).square().mean().backward()
    return [parameter.grad for parameter in built.parameters() if parameter.grad is not None]


class _Mapped:
    """The first elements of a file of one set, which is mapped and never read whole."""

    def __init__(self, path: Path, count: int | None = None):
        self._elements = np.load(path, mmap_mode="r")[:count]

    def __len__(self) -> int:
        return len(self._elements)

    def read(self, start: int, stop: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self._elements[start:stop]))


def _write(path: Path, elements: int) -> None:
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(elements, FEATURES))
    generator = np.random.default_rng(0)
    for start in range(0, elements, 1 << 20):
        piece = target[start : start + (1 << 20)]
        piece[...] = generator.standard_normal(piece.shape, np.float32)
    target.flush()
