"""From a store of sets to a run: split, fit the transforms, build, fit, test. What estimators and command line call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from setwise._checks import InputError
from setwise._files import make_directory
from setwise.assess.measure import measure
from setwise.assess.measure_elements import measure_elements
from setwise.fit.calibrate import (
    with_coverage,
    with_temperatures,
    with_temperatures_of_left_out,
)
from setwise.fit.finished import finished_run
from setwise.fit.members import Watched, fit_members
from setwise.fit.memory import memory_for
from setwise.fit.preparation import prepare
from setwise.fit.processes import is_writer
from setwise.fit.threads import threads_for
from setwise.runs.config import FitConfig
from setwise.runs.run import Run, check_free, check_resumable, remove_progress
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.problem import ClassWeights


def train(
    store: SetStore,
    *,
    targets: str | Sequence[str],
    of: Literal["sets", "elements"] = "sets",
    task: str | Mapping[str, str] | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
    class_weights: ClassWeights = None,
    weight_column: str | None = None,
    covariates: Sequence[str] = (),
    group: str | None = None,
    model: str = "deep-sets++",
    model_choices: Mapping[str, Any] | None = None,
    config: FitConfig | None = None,
    split: Split | None = None,
    validation: float | None = None,
    test: float = 0.2,
    calibrate: bool | None = None,
    coverage: float | None = None,
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
        targets: the column to predict, or several: numbers and classes, of which each set must have one at least.
        of: ``"elements"`` predicts labels of the elements (`SetStore.labels`), a prediction for each; splits are of
            whole sets all the same.
        task: ``"regression"``, ``"classification"`` or ``"ordinal"`` for all targets, or of elements
            ``"which-element"`` (one element of each set is marked 1), or a dictionary of those of some;
            by default as `setwise.targets.choose.choose_kinds` finds.
        orders: classes of ordinal targets from lowest to highest, by target; those that are numbers need none.
        class_weights: ``"balanced"`` lets all classes count alike in the loss; or a weight for each class.
        weight_column: a column of the sets' weights in the loss; metrics count each set once.
        covariates: columns of the sets that the model sees as well: numbers and text, of which some may be missing.
        group: the column of what must not be split between parts; by default ``group`` where there is one.
        model: name of the model (`setwise.models.build`).
        model_choices: its choices, such as ``{"depth": 10, "width": 64}``; where depth is left out, it follows the
            number of training sets (`setwise.fit.defaults`).
        config: how to fit.
        split: rows of the parts; by default the column ``split`` where there is one, else drawn from the seed.
        validation: share of the sets that decides which epoch is kept; 0 for none (dimensionless). By default 0.15,
            and none of fewer than 1,000 sets (`setwise.fit.defaults`).
        test: share of the sets that the model is measured on; 0 for none (dimensionless).
        calibrate: fit a temperature for each target of classes, so that probabilities are neither too sure nor too
            unsure: on the validation part, or where there is none on what each member of an ensemble says of training
            sets that it leaves out (`setwise.fit.cross_fit`). By default in the latter case alone.
        coverage: give predictions intervals and sets of classes that hold the truth of this share of new sets
            (`setwise.targets.conformal`); half of the validation part is then kept for them alone. Of labels of
            elements, this share of the elements of new sets, each set counting alike.
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
        >>> store = read([np.full((3, 2), float(i)) for i in range(8)], sets={"y": np.arange(8.0)})
        >>> run = train(store, targets="y", model_choices={"depth": 2, "width": 8}, config=FitConfig(epochs=2))
        >>> [row.name for row in run.record.test]
        ['deep-sets++', 'constant', 'ridge', 'gradient boosting']
    """
    config = FitConfig() if config is None else config
    if not is_writer():  # started by torchrun beside the process that writes
        out, overwrite, resume, progress, tensorboard, baselines = None, False, False, False, False, False
    directory = _checked_directory(out, overwrite=overwrite, resume=resume, tensorboard=tensorboard)
    prepared = prepare(
        store,
        targets=targets,
        of=of,
        task=task,
        orders=orders,
        class_weights=class_weights,
        weight_column=weight_column,
        covariates=covariates,
        group=group,
        model=model,
        model_choices=model_choices,
        config=config,
        split=split,
        validation=validation,
        test=test,
        calibrate=calibrate,
        coverage=coverage,
    )
    problem, config, spec, out_of = prepared.problem, prepared.config, prepared.spec, prepared.left_out
    rows = problem.split.train
    inputs = prepared.inputs.standardised(store, rows) if config.standardise else prepared.inputs
    config, notes = memory_for(config, spec, store.sizes[rows])
    _make_ready(directory, resume=resume)
    watched = Watched(directory, progress=progress, tensorboard=tensorboard)
    with threads_for(_elements_of_a_batch(store, rows, config) * spec.width):
        members = fit_members(spec, problem, inputs, config, watched, out_of, resume=resume)
    run = finished_run(model, spec, problem, inputs, config, members, directory, (*notes, *prepared.notes), out_of)
    if out_of:
        run = with_temperatures_of_left_out(run, problem, out_of)
    elif calibrate:
        run = with_temperatures(run, problem)
    if coverage is not None:
        run = with_coverage(run, problem, prepared.kept, coverage)
    if is_writer() and of == "elements":
        run = measure_elements(run, problem, baselines=baselines, intervals=intervals, places=places)
    elif is_writer():
        run = measure(run, problem, baselines=baselines, intervals=intervals)
    return run if directory is None else run.save(directory)


def _elements_of_a_batch(store: SetStore, rows: np.ndarray, config: FitConfig) -> int:
    if config.elements_per_batch is not None:
        return config.elements_per_batch
    sizes = store.sizes[rows]
    largest = sizes.max() if config.max_elements is None else config.max_elements
    return int(np.minimum(sizes, largest).mean() * config.batch_size)


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
