"""Do one run: train with resume, measure, record; skip those that are finished."""

import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from experiments import controls, measuring, records
from experiments.building import build_row
from experiments.records import Record
from experiments.rows import Row
from experiments.scales import Protocol, protocol
from setwise._checks import InputError
from setwise.fit.loop import DivergedError, fit
from setwise.fit.observers import Observer
from setwise.fit.parts import Example
from setwise.runs.checkpoints import METRICS, Checkpoints
from setwise.runs.history import EpochRecord, read_history
from setwise.targets import Classes, Number, Objective
from setwise.tasks import FreshDraws, Task, TaskData, get_task

_DATA_SEED = 0  # of the order of the sets: the same for all rows and seeds, as in the paper


class BudgetSpentError(Exception):
    """Raised when the time is over; what was done is in the checkpoint."""


@dataclass(frozen=True)
class Deadline:
    """An observer of the fit loop that ends a run after the epoch in which the time runs out.

    Attributes:
        at: moment of ``time.monotonic``, or none for never.
    """

    at: float | None

    @property
    def passed(self) -> bool:
        """Return whether the time is over."""
        return self.at is not None and time.monotonic() >= self.at

    def step(self, epochs: float) -> None:
        """Do nothing: a checkpoint is written at the end of an epoch."""

    def epoch(self, record: EpochRecord, best_epoch: int) -> None:  # noqa: ARG002 - what observers are told
        """Stop here if the time is over."""
        if self.passed:
            raise BudgetSpentError


@dataclass(frozen=True)
class Run:
    """A row on a task at a scale with a seed.

    Attributes:
        task: name of the task.
        row: which model or baseline.
        scale: "paper" or "small".
        seed: of the first weights; data and their order never depend on it.
        fresh: other elements of a set for each batch, where the paper keeps one subset.
    """

    task: str
    row: Row
    scale: str
    seed: int
    fresh: bool = False

    @property
    def protocol(self) -> Protocol:
        """Return the protocol by which the run is trained."""
        return replace(protocol(self.task, self.scale), fresh=self.fresh).of(self.row)

    @property
    def configuration(self) -> dict[str, Any]:
        """Return everything that decides the outcome beside the seed, as plain values."""
        row = self.row
        what: dict[str, Any] = {"task": self.task, "model": row.model, "choices": dict(row.choices)}
        what |= {"variant": row.variant, "baseline": row.baseline, "data_seed": _DATA_SEED}
        settings = self.protocol.to_dict()
        if row.model is None:
            settings = {name: settings[name] for name in ("train", "test", "elements")}
        return what | settings

    @property
    def identity(self) -> str:
        """Return a name that changes whenever the configuration does."""
        text = json.dumps(self.configuration, sort_keys=True)
        short = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.scale}-{self.task}-{self.row.key}-seed{self.seed}-{short}"


class Batches:
    """Training sets for the fit loop: shuffled afresh each epoch, last partial batch dropped, the same for all seeds.

    Args:
        data: the training sets, on the device.
        batch_size: sets a batch.
    """

    def __init__(self, data: TaskData, batch_size: int):
        self.sets = data.train
        self.fresh = None if data.draw is None else FreshDraws(data.train, data.draw)
        self.batch_size = min(batch_size, len(self.sets))

    def num_batches(self, epoch: int) -> int:  # noqa: ARG002 - all epochs are alike
        """Return the number of full batches of an epoch."""
        return len(self.sets) // self.batch_size

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch, a function of its number alone."""
        generator = torch.Generator().manual_seed(_DATA_SEED * 1_000_003 + epoch)
        order = torch.randperm(len(self.sets), generator=generator)[: self.num_batches(epoch) * self.batch_size]
        for rows in order.to(self.sets.targets.device).split(self.batch_size):
            batch = self.sets.batch(rows) if self.fresh is None else self.fresh.batch(rows, generator)
            yield Example(batch, self.sets.targets[rows])


def execute(
    run: Run,
    data: TaskData,
    *,
    work: Path,
    results: Path,
    device: torch.device,
    deadline: Deadline,
    observers: Sequence[Observer] = (),
    compiled: bool = False,
) -> Record | None:
    """Do a run, or go on with it, and record it; none where another process is at it or has done it by now.

    Args:
        run: which one.
        data: of its task and scale, on the device.
        work: where checkpoints are kept until the run is recorded.
        results: where records are kept.
        device: where to compute.
        deadline: when to stop.
        observers: who looks on.
        compiled: compile the model.

    Raises:
        BudgetSpentError: the time is over.
        InputError: a checkpoint that is damaged, or of other data.
        KeyboardInterrupt: Ctrl-C; finished epochs are kept.
    """
    _commit()  # of the code that runs, before it changes
    task, directory = get_task(run.task), work / run.identity
    with _claimed(directory) as mine:
        if not mine:
            return None
        if run.identity in records.recorded(results):
            shutil.rmtree(directory)
            return None
        known = fingerprint(data)
        if run.row.baseline is not None:
            started = time.perf_counter()
            size = run.protocol.batch_size
            found = controls.fit_and_measure(run.row.baseline, task, data.to("cpu"), batch_size=size, seed=run.seed)
            record = _record(run, known, "finished", found, [], None, None, torch.device("cpu"))
            record = record.model_copy(update={"seconds": round(time.perf_counter() - started, 2)})
        else:
            record = _train(run, task, data, known, directory, device, (*observers, deadline), compiled)
        records.append(record, results)
        shutil.rmtree(directory)
    return record


def _train(
    run: Run,
    task: Task,
    data: TaskData,
    known: str,
    directory: Path,
    device: torch.device,
    observers: Sequence[Observer],
    compiled: bool,
) -> Record:
    settings = run.protocol
    in_features = data.train.shape[0]
    model = build_row(run.row, task, in_features=in_features, seed=run.seed)
    parameters = sum(p.numel() for p in model.parameters())
    if compiled:
        model.compile()  # the fit loop captures whole steps, so no graphs of the compiler's own
    train = Batches(data, settings.batch_size)
    try:
        fitted = fit(
            model,
            _objective(task, data),
            train=train,
            validation=None,
            config=settings.fit_config(seed=run.seed, device=str(device)),
            checkpoints=Checkpoints(directory, {"run": run.identity, "device": device.type, "data": known}),
            resume=True,
            observers=observers,
        )
    except DivergedError:
        history = read_history(directory / METRICS)
        return _record(run, known, "diverged", {}, history, parameters, train, device)
    if fitted.status == "interrupted":
        raise KeyboardInterrupt
    feature_norm = run.row.norm.startswith("feature")
    found = measuring.measure(model.to(device), task, data, batch_size=settings.batch_size, feature_norm=feature_norm)
    return _record(run, known, "finished", found, fitted.progress.history, parameters, train, device)


def fingerprint(data: TaskData) -> str:
    """Describe training data in short, so that other files under the same names show."""
    some = data.train.batch(torch.arange(min(256, len(data.train)), device=data.train.targets.device)).elements
    targets, elements = data.train.targets.double(), some.double()
    numbers = (targets.mean(), targets.std(), elements.mean(), elements.std())
    return f"{len(data.train)} sets, {', '.join(f'{float(number):.4g}' for number in numbers)}"


def _objective(task: Task, data: TaskData) -> Objective:
    """Return the loss: squared error of the targets as they are, or cross entropy over classes or elements."""
    if task.kind == "regression":
        return Objective.join(Number(target=task.name))
    classes = int(data.train.set_size or 0) if task.kind == "anomaly" else task.out_features
    return Objective.join(Classes(target=task.name, classes=tuple(range(classes))))


def _record(
    run: Run,
    known: str,
    status: Any,
    found: measuring.Measures,
    history: Sequence[EpochRecord],
    parameters: int | None,
    train: Batches | None,
    device: torch.device,
) -> Record:
    steps = 0 if train is None else -(-train.num_batches(0) // run.protocol.accumulate)
    return Record(
        run=run.identity,
        table_row=run.row.key,
        task=run.task,
        scale=run.scale,
        seed=run.seed,
        configuration=run.configuration,
        status=status,
        metric=get_task(run.task).metric,
        test=found,
        losses=tuple(float(f"{epoch.train_loss:.6g}") for epoch in history),
        seconds=round(sum(epoch.seconds for epoch in history), 2),
        ms_per_step=round(1e3 * median(e.seconds for e in history) / steps, 3) if history and steps else None,
        parameters=parameters,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        threads=torch.get_num_threads(),
        versions={
            "setwise": version("setwise"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        data=known,
        commit=_commit(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@contextmanager
def _claimed(directory: Path) -> Iterator[bool]:
    """Claim the run for this process, and yield whether that worked; two processes can share a grid."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory.parent / f".{directory.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@cache
def _commit() -> str | None:
    """Return the commit of the code as this process began, with a mark where code differs from it."""
    try:
        commit, changed = (
            subprocess.run(
                ["git", *words], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (
                ("rev-parse", "--short", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no", "--", "src", "experiments/*.py"),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changed else commit


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse seeds that are not from 0 to 2^32 - 1, as scikit-learn takes them, and none at all."""
    if not seeds or min(seeds) < 0 or max(seeds) >= 1 << 32:
        raise InputError(f"seeds must be whole numbers from 0 to 2^32 - 1, with commas between; got {list(seeds)}.")
