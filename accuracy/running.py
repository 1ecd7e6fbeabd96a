"""Carry out the benchmark: the cheapest first, each repeat recorded as soon as it is there."""

import subprocess
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from accuracy.baselines import CONSTANT
from accuracy.clock import Clock
from accuracy.dataset import Dataset
from accuracy.entrant import Entrant, Exercise
from accuracy.folds import fingerprint_of, fitted, is_kept, seed_of
from accuracy.measuring import measure
from accuracy.records import Record, keep, path_of
from setwise._checks import InputError
from setwise.runs.record import library_versions, now
from setwise.store.store import SetStore

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One repeat of an entrant on a data set.

    Attributes:
        dataset, entrant: which.
        repeat: from 0.
    """

    dataset: Dataset
    entrant: Entrant
    repeat: int

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return f"{self.dataset.name}, {self.entrant.name}, repeat {self.repeat + 1}"


@dataclass(frozen=True)
class Settings:
    """Where things are.

    Attributes:
        data: the folder of data.
        work: the folder in which predictions of folds are kept.
        results: the folder of records.
        clock: after whose time no fold is begun.
    """

    data: Path
    work: Path
    results: Path
    clock: Clock


def plan(datasets: Sequence[Dataset], entrants: Sequence[Entrant], repeats: int) -> list[Job]:
    """List jobs, the first repeats of all before the second of any, what takes little time before what takes more."""
    jobs = [
        Job(dataset, entrant, repeat)
        for dataset in datasets
        for entrant in entrants
        for repeat in range(min(repeats, dataset.repeats))
    ]
    return sorted(jobs, key=lambda job: (job.repeat, job.dataset.cost * job.entrant.cost))


def carry_out(jobs: Sequence[Job], settings: Settings, *, say: Say) -> list[Job]:
    """Do the jobs that have no record yet, until the clock is over; return those that failed.

    Data that are absent and entrants whose package is not installed are passed over, which is said once. An entrant
    that refuses the data (a kind of target that it does not have) is recorded with its words.

    Args:
        jobs: in this order.
        settings: where things are.
        say: is told what happens.
    """
    stores: dict[str, SetStore] = {}
    silent: set[str] = set()
    failed = []
    for number, job in enumerate(jobs):
        if path_of(settings.results, job.dataset.name, job.entrant.name, job.repeat + 1).is_file():
            continue
        missing = job.entrant.missing() or _absent(job.dataset, settings.data)
        if missing:
            if missing not in silent:
                say(f"Passed over: {missing}.")
            silent.add(missing)
            continue
        if settings.clock.is_over():
            say(f"The time is over; {_left(jobs[number:], settings)} repeats are left. The same command goes on.")
            break
        name = job.dataset.name
        if name not in stores:
            stores[name] = job.dataset.read(settings.data)
        try:
            record = _recorded(job, stores[name], settings)
        except Exception:  # a fault of one entrant must not end hours of others
            say(f"{job.words}: failed.\n{traceback.format_exc()}")
            failed.append(job)
            continue
        if record is None:
            say(f"The time is over in {job.words}; its folds that are done are kept. The same command goes on.")
            break
        keep(record, settings.results)
        say(f"{job.words}: {_said(record)}")
    return failed


def pending(jobs: Sequence[Job], settings: Settings) -> list[Job]:
    """Return the jobs that have no record yet and can be done here."""
    return [
        job
        for job in jobs
        if not path_of(settings.results, job.dataset.name, job.entrant.name, job.repeat + 1).is_file()
        and not job.entrant.missing()
        and not _absent(job.dataset, settings.data)
    ]


def _left(jobs: Sequence[Job], settings: Settings) -> int:
    return len(pending(jobs, settings))


def _recorded(job: Job, store: SetStore, settings: Settings) -> Record | None:
    """Do a job; none where the clock ends it."""
    dataset, entrant = job.dataset, job.entrant
    folds = dataset.folds(store, job.repeat)
    folder = settings.work / dataset.name / f"{entrant.name}-{job.repeat + 1}"
    about = {
        "data": dataset.name,
        "entrant": entrant.name,
        "repeat": job.repeat + 1,
        "fingerprint": fingerprint_of(dataset, store),
        "folds": len(folds),
        "threads": torch.get_num_threads(),
        "versions": library_versions(),
        "commit": _commit(),
    }
    results = []
    for number, fold in enumerate(folds):
        exercise = Exercise(dataset, store, fold, seed_of(job.repeat, number))
        path = folder / f"fold-{number + 1:02d}.npz"
        if settings.clock.is_over() and not is_kept(entrant, exercise, path):
            return None
        try:
            results.append(fitted(entrant, exercise, path))
        except InputError as error:
            return Record(**about, refused=str(error), finished=now())
    found = measure(dataset, store, folds, results, constant=entrant is CONSTANT)
    return Record(
        **about,
        sets=found.sets,
        clusters=found.clusters,
        metrics=found.metrics,
        intervals=found.intervals,
        seconds=round(sum(result.seconds for result in results), 2),
        processor_seconds=round(sum(result.processor_seconds for result in results), 2),
        finished=now(),
    )


def _absent(dataset: Dataset, data: Path) -> str:
    """Say that a data set is not there; nothing where it is."""
    return "" if (data / dataset.file).exists() else f"{dataset.name}, since {data / dataset.file} is not there"


def _said(record: Record) -> str:
    if record.refused:
        return f"refused: {record.refused}"
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in record.metrics.items())
    return f"{numbers}; {record.seconds:.0f} s"


@cache
def _commit() -> str | None:
    """Return the commit of the code that is running, where it lies in a repository."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None
