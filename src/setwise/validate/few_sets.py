"""Fit and measure: on a part that is held out, or, where sets are few, by cross-validation of the whole fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib

from setwise.fit.study import Study
from setwise.fit.torchrun import num_processes
from setwise.fit.train import train
from setwise.models.families import family_of_model
from setwise.models.family import VERY_FEW
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.validate.cross_validation import CrossValidation, cross_validate
from setwise.validate.fold_plan import plan_of_sets
from setwise.validate.resampling import Resampling

FOLDS = 5
FOLDER = "cross-validation"  # below the run's directory


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
    study = _sharing_time(study)
    plan_of_sets(store, study, Resampling(folds=FOLDS))  # refuses what cannot be divided, before anything is fitted
    run = train(store, study.model_copy(update={"test": 0.0}), out=out, baselines=baselines, **choices)
    if run.record.status == "interrupted":
        return run
    directory, jobs = Path(out) / FOLDER, min(FOLDS, joblib.cpu_count())
    there = directory.is_dir()
    resume = there and bool(choices.get("resume"))
    how: dict[str, Any] = {"folds": FOLDS, "baselines": baselines, "jobs": jobs}
    found = cross_validate(store, study, out=directory, resume=resume, overwrite=there and not resume, **how)
    return _measured(run, found).save(out)


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


def _measured(run: Run, found: CrossValidation) -> Run:
    """Return the run with what the cross-validation says of it."""
    note = (
        f"None of the {len(found.clusters)} sets were held out: each was predicted by a stack that was fitted without "
        f"it, in {found.folds} folds, and the model that is kept was fitted to all of them."
    )
    told = {"test": found.measured.rows, "folds": found.folds, "notes": (note, *run.record.notes)}
    record = run.record.model_copy(update=told)
    return replace(run, record=record, test_predictions=found.predictions.drop_columns(["repeat", "fold"]))
