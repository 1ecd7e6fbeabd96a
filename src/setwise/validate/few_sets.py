"""Fit and measure: on a part that is held out, or, where sets are few, by cross-validation of the whole fit."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Self

import joblib
from joblib.externals.loky import get_reusable_executor

from setwise.fit.study import Study
from setwise.fit.torchrun import num_processes
from setwise.fit.train import train
from setwise.models.families import family_of_model
from setwise.models.family import VERY_FEW
from setwise.runs.directory import FOLDS_OF_FEW, check_free
from setwise.runs.held_out_table import with_groups
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.validate.cross_validation import CrossValidation, cross_validate
from setwise.validate.fold_plan import plan_of_sets
from setwise.validate.resampling import Resampling

FOLDS = 5


def fit_and_measure(store: SetStore, study: Study, *, out: str | Path, baselines: bool = True, **choices: Any) -> Run:
    """Fit a model and measure it on sets that it has not seen.

    A stack of few sets holds none out, unless a share for the test is asked for or a column says which: it is fitted to
    all of them, and each set is predicted by a stack that was fitted to the other folds, in the same way.

    Args:
        store: the sets.
        study: what is learned, and how.
        out: the run directory; the folds are kept below it.
        baselines: fit the baselines as well.
        choices: of `setwise.train`.

    Raises:
        InputError: as `setwise.train` and `setwise.cross_validate`.
    """
    if not is_measured_by_folds(store, study):
        return train(store, study, out=out, baselines=baselines, **choices)
    study, directory = _sharing_time(study), Path(out)
    plan_of_sets(store, study, Resampling(folds=FOLDS))  # refuses what cannot be divided, before anything is fitted
    resume = bool(choices.get("resume"))
    check_free(directory, overwrite=resume or bool(choices.get("overwrite")))
    choices["overwrite"] = bool(choices.get("overwrite")) or not resume  # the folds may be there before the run
    whole = study.model_copy(update={"test": 0.0})
    with _Folds(store, study, directory / FOLDS_OF_FEW, resume=resume, baselines=baselines) as folds:
        run = train(store, whole, out=out, baselines=baselines, **choices)
        return run if run.record.status == "interrupted" else _measured(run, folds.found(), store).save(out)


class _Folds:
    """A cross-validation that runs beside the fit to all sets, where there is more than one processor.

    Whoever leaves before it ends, by an error or by Ctrl-C, ends it; folds that are done are kept.
    """

    def __init__(self, store: SetStore, study: Study, directory: Path, *, resume: bool, baselines: bool) -> None:
        there, jobs = directory.is_dir(), min(FOLDS, joblib.cpu_count())
        how: dict[str, Any] = {"resume": there and resume, "overwrite": there and not resume, "jobs": jobs}
        how |= {"folds": FOLDS, "baselines": baselines, "out": directory, "done": self._go_on}
        self._validate = partial(cross_validate, store, study, **how)
        self._jobs, self._left = jobs, Event()
        self._future: Future[CrossValidation] = Future()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        if self._jobs > 1:
            self._future = self._pool.submit(self._validate)
        return self

    def found(self) -> CrossValidation:
        """Return its result, once it is there."""
        return self._validate() if self._jobs == 1 else self._future.result()

    def __exit__(self, *_: object) -> None:
        if not self._future.done() and self._jobs > 1:
            self._left.set()
            running = get_reusable_executor(reuse=True)  # pyright: ignore[reportArgumentType] it is whatever its arguments
            running.shutdown(wait=False, kill_workers=True)
        self._pool.shutdown()

    def _go_on(self, _done: int, _all: int) -> None:
        if self._left.is_set():
            raise KeyboardInterrupt


def is_measured_by_folds(store: SetStore, study: Study) -> bool:
    """Return whether a study of these sets is measured by cross-validation."""
    return (
        study.test is None
        and len(store) < VERY_FEW
        and bool(family_of_model(study.fitted_model).candidates)
        and columns.given_split(store) is None
        and num_processes() == 1
    )


def _sharing_time(study: Study) -> Study:
    """Return the study with the share of its time that the fit, and each fold, may take."""
    if study.config.time is None:
        return study
    config = study.config.model_copy(update={"time": study.config.time / (FOLDS + 1)})
    return study.model_copy(update={"config": config})


def _measured(run: Run, found: CrossValidation, store: SetStore) -> Run:
    """Return the run with what the cross-validation says of it."""
    note = (
        f"None of the {len(found.clusters)} sets were held out: each was predicted by a stack that was fitted without "
        f"it, in {found.folds} folds, and the model that is kept was fitted to all of them."
    )
    told = {"test": found.measured.rows, "folds": found.folds, "notes": (note, *run.record.notes)}
    record = run.record.model_copy(update=told)
    table = with_groups(found.predictions.drop_columns(["repeat"]), store, run.record.group)
    return replace(run, record=record, test_predictions=table)
