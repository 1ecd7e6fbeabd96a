"""Train on a store larger than memory, and measure speed and memory: ``python -m benchmarks store``."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import torch
import typer

import setwise as sw
from benchmarks.measure import in_own_process, resident_bytes
from benchmarks.rows import append, conditions
from setwise.store.batching import BatchSampler, SetDataset, make_loader
from setwise.store.file import Description, new_file
from setwise.store.store import SetStore

RESULTS = Path(__file__).parent / "store.csv"
_FOUND = (
    *("loader", "model", "from_disk", "from_memory", "loader_to_model", "disk_to_memory"),
    *("anonymous_bytes", "mapped_bytes"),
)
_COLUMNS = (
    *("date", "commit", "device", "threads", "torch", "setwise", "dtype"),
    *("bytes", "features", "elements_per_batch", "depth", *_FOUND),
)
_FEATURES, _FEWEST, _MOST = 8, 50, 5000  # elements of a set, log-uniform


def store(
    directory: Annotated[Path, typer.Argument(help="Where the file is written, and removed afterwards.")],
    gigabytes: Annotated[float, typer.Option(help="Of the file, 10^9 bytes.")] = 20.0,
    depths: Annotated[str, typer.Option(help="Of Deep Sets++, separated by commas.")] = "4,50",
    elements_per_batch: Annotated[int, typer.Option(help="Most elements in a batch.")] = 16_000,
    seconds: Annotated[float, typer.Option(help="For each depth.")] = 60.0,
) -> None:
    """Write a store, train on it and on sets in memory in turn, add rows to the file of results, remove the store."""
    path = directory / "benchmark-store.arrow"
    try:
        began = time.perf_counter()
        _write(path, int(gigabytes * 1e9 / (4 * _FEATURES)))
        print(f"{path.stat().st_size / 1e9:.1f} GB written in {time.perf_counter() - began:.0f} s", flush=True)
        for depth in map(int, depths.split(",")):
            found = in_own_process("store-train", path, depth, elements_per_batch, seconds)
            case = {"bytes": str(path.stat().st_size), "features": str(_FEATURES), "depth": str(depth)}
            row = case | {"elements_per_batch": str(elements_per_batch)} | {k: f"{v:.4g}" for k, v in found.items()}
            append([conditions() | row], RESULTS, _COLUMNS)
            print(f"{depth} layers:", ", ".join(f"{name} {value:.4g}" for name, value in found.items()), flush=True)
    finally:
        path.unlink(missing_ok=True)


def store_train(path: Path, depth: int, elements_per_batch: int, seconds: float) -> None:
    """Print elements per second of the loader, the model and both, from cold pages of a store and from memory."""
    on_disk = SetStore.open(path)
    _forget_pages(path)
    few = np.arange(min(len(on_disk), 4 * elements_per_batch // _FEWEST))
    size = int(on_disk.sizes[few].sum())
    names = on_disk.sets.slice(0, len(few))
    generator = np.random.default_rng(0)
    in_memory = SetStore(
        generator.standard_normal((size, _FEATURES), np.float32),
        on_disk.sizes[few],
        names,
        features=on_disk.features,
    )
    model = sw.models.build("deep-sets++", _FEATURES, 1, depth=depth, width=128, pool="mean")
    optimizer = torch.optim.AdamW(model.parameters())

    def step(batch: sw.SetBatch) -> None:
        optimizer.zero_grad()
        model(batch).square().mean().backward()
        optimizer.step()

    sources = {"disk": _batches(on_disk, elements_per_batch), "memory": _batches(in_memory, elements_per_batch)}
    for batches in sources.values():  # compiles, and plans the order of an epoch, which takes longer than a batch
        step(next(batches))
    spent: dict[str, float] = dict.fromkeys(("disk", "disk step", "memory", "memory step"), 0.0)
    elements = dict.fromkeys(sources, 0)
    anonymous = mapped = 0
    began = time.perf_counter()
    while not anonymous or time.perf_counter() - began < seconds:
        for name, batches in sources.items():
            start = time.perf_counter()
            batch = next(batches)
            loaded = time.perf_counter()
            step(batch)
            spent[name] += loaded - start
            spent[f"{name} step"] += time.perf_counter() - loaded
            elements[name] += len(batch.elements)
            anonymous, mapped = max(anonymous, resident_bytes("RssAnon")), max(mapped, resident_bytes("RssFile"))
    rates = {
        "loader": elements["disk"] / spent["disk"],
        "model": sum(elements.values()) / (spent["disk step"] + spent["memory step"]),
        "from_disk": elements["disk"] / (spent["disk"] + spent["disk step"]),
        "from_memory": elements["memory"] / (spent["memory"] + spent["memory step"]),
    }
    ratios = {
        "loader_to_model": rates["loader"] / rates["model"],
        "disk_to_memory": rates["from_disk"] / rates["from_memory"],
    }
    print(json.dumps(rates | ratios | {"anonymous_bytes": anonymous, "mapped_bytes": mapped}))


def _batches(sets: SetStore, elements_per_batch: int) -> Iterator[sw.SetBatch]:
    """Yield batches of all sets in a random order, epoch after epoch."""
    sampler = BatchSampler(sets.sizes, np.arange(len(sets)), elements_per_batch=elements_per_batch, shuffle=True)
    for epoch in range(1 << 30):
        sampler.set_epoch(epoch)
        for batch, _ in make_loader(SetDataset(sets), sampler):
            yield batch


def _write(path: Path, elements: int) -> None:
    """Write sets of drawn sizes; one block of random numbers, shifted for each piece of the file."""
    generator = np.random.default_rng(0)
    average = (_MOST - _FEWEST) / np.log(_MOST / _FEWEST)
    sizes = np.exp(generator.uniform(np.log(_FEWEST), np.log(_MOST), max(1, round(elements / average))))
    sizes = sizes.astype(np.int64)
    sets = pa.table({"set_id": [str(i) for i in range(len(sizes))]})
    description = Description(tuple(f"x{i}" for i in range(_FEATURES)), (_FEATURES,))
    block = generator.standard_normal((1 << 20, _FEATURES), np.float32)
    with new_file(path, sizes, sets, description, dtype=np.float32) as target:
        for start in range(0, len(target), len(block)):
            piece = target[start : start + len(block)]
            np.add(block[: len(piece)], generator.standard_normal(dtype=np.float32), out=piece)


def _forget_pages(path: Path) -> None:
    """Drop the file's pages, so that the system reads it from the disk again."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
