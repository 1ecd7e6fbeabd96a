"""Plan the runs that a command asks for, tell which of them are done, and do the rest until the time is over."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from experiments import records
from experiments.grids import Grid
from experiments.rows import Row
from experiments.running import BudgetSpentError, Deadline, Run, execute
from setwise._checks import InputError
from setwise.fit.observers import Observer
from setwise.runs.devices import chosen_device
from setwise.tasks import TASKS, Extent, TaskData, get_task
from setwise.tasks.files import directory_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """Settings of the runs: where, how long, on which device.

    Attributes:
        work: where checkpoints are kept until a run is recorded.
        results: where records are kept.
        device: "auto", "cpu", "cuda" ...
        budget: seconds, or none for no end.
        data: directory of files at hand, or none for where `setwise data get` puts them.
        compiled: compile the models.
    """

    work: Path
    results: Path
    device: str = "auto"
    budget: float | None = None
    data: Path | None = None
    compiled: bool = False


def plan(
    grids: Sequence[Grid],
    *,
    tasks: Sequence[str],
    patterns: Sequence[str],
    seeds: Sequence[int],
    scale: str,
    fresh: bool = False,
) -> list[Run]:
    """List all runs of grids that a command asks for, each once: by grid, then seed, then task, then row.

    Args:
        grids: the tables.
        tasks: names of tasks, or none for all of the grids.
        patterns: shell patterns of row keys, or none for all.
        seeds: of the first weights; rows without chance in them have seed 0 alone, whichever are asked for.
        scale: "paper" or "small".
        fresh: other elements of a set for each batch, where the paper keeps one subset.

    Raises:
        InputError: a task that no grid has, or a pattern that fits no row of these tasks.
    """
    known = sorted({task for grid in grids for task, _ in grid.cells()})
    names = ", ".join(grid.name for grid in grids)
    for task in tasks:
        if task not in known:
            raise InputError(f"the tasks of {names} are {', '.join(known)}; got {task!r}.")
    cells = {grid.name: grid.cells(tasks) for grid in grids}
    keys = list(dict.fromkeys(row.key for of_grid in cells.values() for _, row in of_grid))
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            raise InputError(f"--rows must fit some of these rows: {', '.join(keys)}; got {pattern!r}.")
    runs = [
        Run(task, row, scale, seed if row.has_chance else 0, fresh)
        for of_grid in cells.values()
        for seed in seeds
        for task, row in of_grid
        if _defined(task, row) and (not patterns or any(fnmatchcase(row.key, pattern) for pattern in patterns))
    ]
    return list({run.identity: run for run in runs}.values())


def pending(runs: Sequence[Run], results: Path) -> list[Run]:
    """Return the runs that have no record."""
    done = records.recorded(results)
    return [run for run in runs if run.identity not in done]


def carry_out(runs: Sequence[Run], settings: Settings, *, observers: Sequence[Observer], say: Say) -> int:
    """Do runs one after the other until all are done or the time is over; how many were recorded.

    However short the time, an epoch or a baseline is done, so that repeated commands get on. Tasks whose data are not
    at hand and runs that cannot go on are told of and left out.
    """
    deadline = Deadline(None if settings.budget is None else time.monotonic() + settings.budget)
    device = chosen_device(settings.device)
    todo = pending(runs, settings.results)
    say(f"{len(runs)} runs, {len(runs) - len(todo)} of them done before.")
    data = _Data(settings.data, device, say)
    recorded, begun = 0, False
    for run in todo:
        if deadline.passed and begun:
            break
        loaded = data.of(run)
        if loaded is None:
            continue
        begun = True
        try:
            record = execute(
                run,
                loaded,
                work=settings.work,
                results=settings.results,
                device=device,
                deadline=deadline,
                observers=observers,
                compiled=settings.compiled,
            )
        except BudgetSpentError:
            say(f"{run.identity}: kept after the epoch; the same command goes on with it.")
            break
        except InputError as error:
            say(f"{run.identity} is left out. {error} To begin it anew, delete {settings.work / run.identity}.")
            continue
        if record is None:
            say(f"{run.identity}: another process is at it, or has done it.")
            continue
        recorded += 1
        value = "diverged" if record.value is None else f"{record.metric} {record.value:.4g}"
        speed = "" if record.ms_per_step is None else f", {record.ms_per_step:.1f} ms a step"
        say(f"{run.identity}: {value}, {record.seconds:.0f} s{speed}.")
    if deadline.passed:
        say(f"The time is over; {len(pending(runs, settings.results))} runs are left. The same command goes on.")
    return recorded


def seconds_of(text: str) -> float:
    """Parse a time such as "90m", "1h30m", "45s" into seconds.

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    if not text.strip() or found is None:
        raise InputError(f"a budget must be a time such as 90m, 1h30m or 45s; got {text!r}.")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


class _Data:
    """Data of the task at hand, loaded once and given up before the next."""

    def __init__(self, directory: Path | None, device: torch.device, say: Say):
        self._directory, self._device, self._say = directory, device, say
        self._key: tuple[str, Extent] | None = None
        self._loaded: TaskData | None = None

    def of(self, run: Run) -> TaskData | None:
        """Return the data of a run's task; none where files are missing, which is told once."""
        if self._key != (run.task, run.protocol.extent):
            self._loaded = None  # before the next is loaded, so that memory holds one of them
            self._key = (run.task, run.protocol.extent)
            task = get_task(run.task)
            try:
                directory = directory_of(task, self._directory)
                self._loaded = task.load(directory, run.protocol.extent).to(self._device)
            except InputError as error:
                self._say(f"{run.task} is left out. {error}")
        return self._loaded


def _defined(task: str, row: Row) -> bool:
    """Return whether a row is defined on a task: moments and quantiles are for elements that are vectors."""
    if row.baseline is None or row.baseline == "constant":
        return True
    return TASKS[task].elements == "vectors" and TASKS[task].kind != "anomaly"
