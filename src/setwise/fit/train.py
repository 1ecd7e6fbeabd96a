"""Go from a store of sets and a study to a run: split, fit the transforms, build, fit, test."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise._files import make_directory
from setwise.assess.measure import measure
from setwise.fit.calibrate import (
    completed,
    with_coverage,
    with_out_of_fold_temperatures,
    with_temperatures,
)
from setwise.fit.finished import finished_run
from setwise.fit.leaderboard import best_single, with_leaderboard
from setwise.fit.member import Watched
from setwise.fit.members import fit_members
from setwise.fit.memory import memory_for
from setwise.fit.preparation import prepare
from setwise.fit.study import Study
from setwise.fit.torchrun import is_writer
from setwise.runs.directory import check_free
from setwise.runs.run import Run, check_resumable, remove_progress
from setwise.runs.training_range import TrainingRange
from setwise.store.splits import Split
from setwise.store.store import SetStore


def train(
    store: SetStore,
    study: Study,
    *,
    split: Split | None = None,
    baselines: bool = True,
    intervals: bool = True,
    places: np.ndarray | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool | None = None,
    tensorboard: bool = False,
) -> Run:
    """Train a model on sets and measure it, beside simple baselines, on sets that it has not seen.

    Elements, covariates and regression targets are standardised on the training sets alone. Deep Sets pool by the
    mean where no pooling is chosen, since a sum over sub-samples has another scale than one over whole sets. With
    ``out`` each epoch is kept: a run killed at any moment goes on with ``resume=True`` and ends, on the CPU, with the
    bits of one that was not killed. Ctrl-C ends the fit and keeps the best model so far; of an ensemble
    (``FitConfig(ensemble=5)``), the members that are done. Processes that `torchrun`
    started share every batch; the first of them writes and measures.

    Args:
        store: the sets, with their targets as columns of ``store.sets``.
        study: what is learned from which columns, by which model, fitted how.
        split: rows of the parts; by default the column ``split`` where there is one, else drawn from the seed.
        baselines: fit the baselines as well.
        intervals: of the metrics of the test part, by bootstrap over groups or sets.
        places: which elements of the store are measured where they are of test sets; by default at most 100,000, drawn
            evenly from the test sets. Of labels of elements alone.
        out: the run directory, or none to keep the run in memory.
        overwrite: replace a run that is there.
        resume: go on with a run that was stopped, given the same data and choices; without one, begin.
        progress: show a progress bar; by default on a terminal alone.
        tensorboard: write curves for TensorBoard below ``out``.

    Raises:
        InputError: data, choices or directory are at fault; the message says where and what to do.

    Example:
        >>> from setwise.readers.read import read
        >>> from setwise.runs.config import FitConfig
        >>> store = read([np.full((3, 2), float(i)) for i in range(8)], sets={"y": np.arange(8.0)})
        >>> study = Study(targets="y", model_choices={"depth": 2, "width": 8}, config=FitConfig(epochs=2))
        >>> [row.name for row in train(store, study).record.test]
        ['deep-sets++', 'constant', 'ridge', 'gradient boosting']
    """
    if not is_writer():  # started by torchrun beside the process that writes
        out, overwrite, resume, progress, tensorboard, baselines = None, False, False, False, False, False
    directory = _checked_directory(out, overwrite=overwrite, resume=resume, tensorboard=tensorboard)
    prepared = prepare(store, study, split)
    problem, config, spec, out_of_fold = prepared.problem, prepared.config, prepared.spec, prepared.out_of_fold
    rows = problem.split.train
    inputs = prepared.inputs.standardised(store, rows) if config.standardise else prepared.inputs
    config, notes = memory_for(config, spec, store.sizes[rows])
    _make_ready(directory, resume=resume)
    until = None if config.time is None else time.perf_counter() + config.time
    watched = Watched(directory, progress, tensorboard, until)
    spared = bool(study.calibrate)  # temperatures need sets that no model has seen
    fitted = fit_members(spec, problem, inputs, config, watched, out_of_fold, resume=resume, spared=spared)
    notes = (*notes, *prepared.notes)
    run = finished_run(prepared.model, problem, inputs, config, fitted.members, directory, notes, out_of_fold)
    run = with_leaderboard(completed(run, problem), problem, fitted.stacked, intervals=intervals)
    if out_of_fold and study.calibrate is not False:
        run = with_out_of_fold_temperatures(run, problem, out_of_fold)
    elif study.calibrate:
        run = with_temperatures(run, problem)
    if study.coverage is not None:
        run = with_coverage(run, problem, prepared.kept, study.coverage)
    if is_writer() and (intervals or directory is not None):  # and not in a fold, whose model nobody keeps
        run = _with_training_range(run, store, rows)
    if is_writer():
        singles = {} if fitted.stacked is None else best_single(run, fitted.stacked)
        run = measure(run, problem, singles, baselines=baselines, intervals=intervals, places=places)
    return run if directory is None else run.save(directory)


def _with_training_range(run: Run, store: SetStore, rows: np.ndarray) -> Run:
    """Return the run with where its training sets lie."""
    found = TrainingRange.fit(store, rows)
    return replace(run, record=run.record.model_copy(update={"training_range": found}))


def _checked_directory(out: str | Path | None, *, overwrite: bool, resume: bool, tensorboard: bool) -> Path | None:
    if out is None:
        if resume or overwrite or tensorboard:
            raise InputError("resume, overwrite and tensorboard need a run directory. Name one (out=..., --out).")
        return None
    if overwrite and resume:
        raise InputError("a run is either overwritten or resumed. Choose one of the two.")
    directory = Path(out)
    check_free(directory, overwrite=overwrite or resume)
    if resume:
        check_resumable(directory)
    return directory


def _make_ready(directory: Path | None, *, resume: bool) -> None:
    """Make ready the directory; the model of an older run stays until the new one is whole."""
    if directory is not None:
        make_directory(directory)
        if not resume:
            remove_progress(directory)
