"""Fits of cross-validation: one file each, written whole, so that a killed evaluation goes on; several at a time."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from joblib import Parallel, delayed
from pydantic import BaseModel, ConfigDict, ValidationError

from setwise._checks import InputError
from setwise.data.store import SetStore
from setwise.training.files import make_directory, write_whole
from setwise.training.folds import Fold
from setwise.training.objectives import Objective
from setwise.training.study import Study


class FoldResult(BaseModel):
    """What one fit said of the sets that it did not see.

    Attributes:
        identity: checksum of everything that decides the fit.
        permutation: 0 for the targets as they are, else which permutation of them.
        repeat, fold: from 0.
        trained, validated: sets to train on, sets that chose the epoch.
        tested: rows of the store.
        objective: of the fit.
        truth: of each tested set a number for each target, none where missing.
        predicted: by name, the model first: of each tested set its predictions.
        epochs: done.
        seconds: of the fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    identity: str
    permutation: int
    repeat: int
    fold: int
    trained: int
    validated: int
    tested: tuple[int, ...]
    objective: Objective
    truth: tuple[tuple[float | None, ...], ...]
    predicted: dict[str, tuple[tuple[float, ...], ...]]
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Task:
    """A fit that is to be done.

    Attributes:
        fold: its parts and its seed.
        permutation: 0 for the targets as they are.
        columns: the table of sets, with the targets that it is fitted to.
        baselines: fit the baselines as well.
    """

    fold: Fold
    permutation: int
    columns: pa.Table
    baselines: bool

    @property
    def name(self) -> str:
        """Of its file."""
        where = f"repeat-{self.fold.repeat + 1}-fold-{self.fold.number + 1}.json"
        return where if self.permutation == 0 else f"permutation-{self.permutation:04d}-{where}"

    def identity(self, study: Study, fingerprint: str) -> str:
        """Checksum of everything that decides the fit."""
        columns = {name: self.columns[name].to_pylist() for name in sorted(self.columns.column_names)}
        content = [study.identity(), fingerprint, self.fold.split.to_dict(), self.fold.seed, columns, self.baselines]
        return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def run_tasks(
    store: SetStore,
    study: Study,
    tasks: Sequence[Task],
    *,
    folder: Path | None,
    jobs: int = 1,
    done: Callable[[FoldResult], None] = lambda _: None,
) -> list[FoldResult]:
    """Do the fits whose results are not there yet, and return the results of all, in the order of the tasks.

    Results are the same whatever the number of jobs: every fit computes with one thread and its own seed.

    Args:
        store: the sets.
        study: what is fitted.
        tasks: the fits.
        folder: where each result is kept as soon as it is there, or none.
        jobs: processes; each is started afresh, since a process that is forked cannot use OpenMP safely.
        done: is told each result, those that were there first.

    Raises:
        InputError: what a fit finds at fault; a result in the folder that is of another evaluation or damaged.
    """
    identities = [task.identity(study, store.fingerprint) for task in tasks]
    results: dict[int, FoldResult] = {}
    if folder is not None:
        make_directory(folder)
        for number, (task, identity) in enumerate(zip(tasks, identities, strict=True)):
            if (folder / task.name).is_file():
                results[number] = _read(folder / task.name, identity)
                done(results[number])
    left = [number for number in range(len(tasks)) if number not in results]
    if jobs == 1 or len(left) < 2:
        fits = (_do(store, study, tasks[number], identities[number], number) for number in left)
        return _collected(fits, results, tasks, folder, done)
    with tempfile.TemporaryDirectory(prefix="setwise-") as shared:
        path = Path(shared) / "sets.arrow"  # mapped by every process, so that the elements are in memory once
        store.save(path)
        work = (delayed(_do_shared)(path, study, tasks[number], identities[number], number) for number in left)
        fits = Parallel(n_jobs=jobs, return_as="generator_unordered")(work)
        return _collected(fits, results, tasks, folder, done)  # pyright: ignore[reportArgumentType] it is a generator


def _collected(
    fits: Any, results: dict[int, FoldResult], tasks: Sequence[Task], folder: Path | None, done: Any
) -> list[FoldResult]:
    for number, result in fits:
        if folder is not None:
            write_whole(folder / tasks[number].name, result.model_dump_json().encode())
        results[number] = result
        done(result)
    return [results[number] for number in range(len(tasks))]


def _do_shared(path: Path, study: Study, task: Task, identity: str, number: int) -> tuple[int, FoldResult]:
    return _do(SetStore.open(path), study, task, identity, number)


def _do(store: SetStore, study: Study, task: Task, identity: str, number: int) -> tuple[int, FoldResult]:
    """One fit, and its number among the tasks."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fold = task.fold
        run = study.fit(store.with_sets(task.columns), fold.split, seed=fold.seed, baselines=task.baselines)
    finally:
        torch.set_num_threads(threads)
    held_out = run.held_out
    assert held_out is not None, "a fold without test sets"
    if run.record.status == "interrupted":
        raise KeyboardInterrupt
    truth = held_out.truth.reshape(len(fold.split.test), -1).astype(float).tolist()
    return number, FoldResult(
        identity=identity,
        permutation=task.permutation,
        repeat=fold.repeat,
        fold=fold.number,
        trained=len(fold.split.train),
        validated=len(fold.split.validation),
        tested=tuple(fold.split.test.tolist()),
        objective=run.objective,
        truth=tuple(tuple(None if x != x else x for x in row) for row in truth),
        predicted={name: tuple(map(tuple, repeats[0].tolist())) for name, repeats in held_out.predicted.items()},
        epochs=run.record.epochs,
        seconds=run.record.seconds,
    )


def _read(path: Path, identity: str) -> FoldResult:
    try:
        result = FoldResult.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{path} is damaged: it is not the result of a fold. Delete it; the fold is fitted again."
        ) from error
    if result.identity != identity:
        raise InputError(
            f"{path} is of another evaluation: other data, targets, folds or choices. Go on with those that it was "
            "begun with, name another directory, or begin again (overwrite=True, --overwrite)."
        )
    return result


def predictions_of_repeat(
    results: Sequence[FoldResult], repeat: int, num_sets: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Truth ``(B, T)`` and predictions ``(B, P)`` by name of one repeat, put together from its folds."""
    own = [result for result in results if result.repeat == repeat]
    truth = np.full((num_sets, len(own[0].truth[0])), np.nan)
    predicted = {name: np.full((num_sets, len(rows[0])), np.nan) for name, rows in own[0].predicted.items()}
    for result in own:
        rows = list(result.tested)
        truth[rows] = np.array(result.truth, float)
        for name, values in result.predicted.items():
            predicted[name][rows] = np.array(values)
    return truth, predicted
