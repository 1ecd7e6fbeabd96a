"""Decide, or refuse, everything of a fit before its weights are fitted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.fit.calibrate import check_temperatures
from setwise.fit.cross_fit import out_of_fold_rows
from setwise.fit.defaults import settled, temperatures_need_validation
from setwise.fit.element_fit import refuse_for_elements
from setwise.fit.processes import check_norm
from setwise.fit.set_fit import balanced_classes
from setwise.fit.study import Study
from setwise.models import Spec, make_spec
from setwise.models.families import CHOICES, family_of, family_of_model
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.store import columns
from setwise.store.shares import TEST_SHARE, validation_share
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.choose import events_of
from setwise.targets.conformal import with_calibration
from setwise.targets.objectives import Objective
from setwise.targets.problem import Problem, define


@dataclass(frozen=True, eq=False)
class Prepared:
    """A fit that nothing stands against.

    Attributes:
        model: its name.
        problem: the sets, their parts and targets.
        kept: rows of the store that neither the weights nor the epoch see, for the promise of a coverage.
        inputs: what the model takes, its elements not standardised yet.
        config, spec: with everything decided that was left open, but for the memory.
        out_of_fold: rows that each member of an ensemble is not fitted on; none at all where members are fitted alike.
        notes: what is to be said of the fit.
    """

    model: str
    problem: Problem
    kept: np.ndarray
    inputs: Inputs
    config: FitConfig
    spec: Spec
    out_of_fold: list[np.ndarray]
    notes: tuple[str, ...]


def prepare(store: SetStore, study: Study, split: Split | None = None) -> Prepared:
    """Decide all that a fit does, before any weight is fitted.

    Args:
        store: the sets.
        study: what is learned and how.
        split: rows of the parts; by default the column ``split`` where there is one, else drawn from the seed.

    Raises:
        InputError: data or choices are at fault; the message says where and what to do.
    """
    config = study.config
    for name in study.covariates:
        if name in (*study.targets, *events_of(study.targets, study.task, study.event).values()):
            raise InputError(f"covariate {name!r} is what is to be predicted. Leave it out of the covariates.")
    needed = study.coverage is not None or temperatures_need_validation(study.calibrate, config)
    choices: dict[str, Any] = {
        "task": study.task,
        "class_weights": study.class_weights,
        "weight_column": study.weight_column,
        "transform": study.target_transform,
        "group": study.group,
        "split": split,
        "shares": (
            validation_share(study.validation, len(store), needed=needed),
            TEST_SHARE if study.test is None else study.test,
        ),
        "standardise": config.standardise,
        "seed": config.seed,
    }
    if study.of == "elements":
        refuse_for_elements(order=study.orders, balanced_sampling=config.balanced_sampling)
    problem = define(store, study.targets, of=study.of, orders=study.orders, event=study.event, **choices)
    asked = {"calibrate": study.calibrate, "coverage": study.coverage, "most": config.max_elements}
    for target in problem.objective.targets:
        target.check_asked(**asked, largest=int(store.sizes.max()))
    if config.balanced_sampling:
        balanced_classes(problem)
    problem, kept = _kept_for_coverage(problem, study.coverage, seed=config.seed)
    rows = problem.split.train
    inputs = Inputs.fit(store, rows, covariates=study.covariates, standardise=config.standardise)
    model = study.fitted_model
    config, model_choices = settled(config, model, study.model_choices, len(rows))
    spec = _spec(model, model_choices, inputs, problem.objective, config, largest=int(store.sizes[rows].max()))
    check_norm(spec)
    weighs = bool(family_of(spec).candidates)
    out_of_fold, untempered = out_of_fold_rows(problem, config, calibrate=study.calibrate, always=weighs)
    if study.calibrate:
        check_temperatures(problem, out_of_fold)
    return Prepared(model, problem, kept, inputs, config, spec, out_of_fold, untempered)


def _kept_for_coverage(problem: Problem, coverage: float | None, *, seed: int) -> tuple[Problem, np.ndarray]:
    """The problem without the sets that are kept to calibrate intervals, and their rows."""
    if coverage is None:
        return problem, np.zeros(0, np.int64)
    if not 0 < coverage < 1:
        raise InputError(f"coverage must be between 0 and 1, such as 0.9; got {coverage}.")
    groups = columns.groups(problem.store, problem.group)
    split, kept = with_calibration(problem.split, groups, seed=seed)
    return replace(problem, split=split), kept


def _spec(
    name: str,
    choices: Mapping[str, Any],
    inputs: Inputs,
    objective: Objective,
    config: FitConfig,
    *,
    largest: int,
) -> Spec:
    given = inputs.model_choices()
    for choice in choices:
        if choice not in CHOICES:
            raise InputError(f"a model has no choice {choice!r} to make; there are {', '.join(sorted(CHOICES))}.")
    if objective.output == "sets":
        choices = {**family_of_model(name).fitting, **choices}
    spec = make_spec(name, out_features=objective.out_features, output=objective.output, **given, **choices)
    reason = spec.needs_whole_sets
    if reason is not None and config.max_elements is not None and config.max_elements < largest:
        choice, why, instead = reason
        raise InputError(
            f"{choice} and max_elements={config.max_elements} cannot go together for sets of up to {largest:,} "
            f"elements: {why}. {instead}, or train on whole sets (max_elements=None, --max-elements 0)."
        )
    return spec
