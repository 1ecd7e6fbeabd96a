"""Fit the members of a run: one model, or each of an ensemble, with its checkpoints and observers."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from setwise.fit.cross_fit import without
from setwise.fit.element_fit import of_elements
from setwise.fit.loop import Fitted, fit, seeded
from setwise.fit.observers import Observer, ProgressBar, TensorBoardLog
from setwise.fit.parts import EvaluationPart, TrainingPart
from setwise.fit.set_fit import of_sets
from setwise.models import Model, Spec, build_from_spec
from setwise.models.families import family_of
from setwise.prepare.inputs import Inputs
from setwise.runs.checkpoints import Checkpoints, Progress
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import member_config
from setwise.targets.problem import Problem, fingerprint_of


@dataclass(frozen=True)
class Watched:
    """The directory and the observers of a fit."""

    directory: Path | None
    progress: bool | None
    tensorboard: bool


def fit_members(
    spec: Spec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    watched: Watched,
    out_of_fold: Sequence[np.ndarray],
    *,
    resume: bool,
) -> list[tuple[Model, FitConfig, Fitted]]:
    """Fit one model, or each member of an ensemble; Ctrl-C keeps the members that are done, or the first one so far.

    Members leave out the sets of ``out_of_fold``, rows of the store, where there are some.
    """
    members: list[tuple[Model, FitConfig, Fitted]] = []
    fit_one = _by_gradients if family_of(spec).fitter is None else _at_once
    for member in range(config.ensemble):
        its = without(problem, out_of_fold[member]) if out_of_fold else problem
        spared = [problem.store.set_ids[row] for row in out_of_fold[member]] if out_of_fold else []
        one = _Member(spec, its, inputs, config, member_config(config, member), member)
        checkpoints = _checkpoints(watched.directory, problem, one, spared)
        network, fitted = fit_one(one, watched, checkpoints, resume=resume)
        if fitted.status == "interrupted" and members:
            network, own, before = members[-1]
            members[-1] = network, own, replace(before, status="interrupted")
            break
        members.append((network.double() if config.precision == "64-true" else network.float(), one.own, fitted))
        if fitted.status == "interrupted":
            break
    return members


@dataclass(frozen=True)
class _Member:
    """One model that is to be fitted.

    Attributes:
        spec: of the model.
        problem: without the sets that the member leaves out.
        inputs: how sets become what the model takes.
        config, own: of the run, whose validation sets all members share, and of the member.
        number: from 0.
    """

    spec: Spec
    problem: Problem
    inputs: Inputs
    config: FitConfig
    own: FitConfig
    number: int

    def parts(self) -> tuple[TrainingPart, EvaluationPart]:
        """Make the training and the validation part."""
        make = of_elements if self.problem.of == "elements" else of_sets
        return make(self.problem, self.inputs, self.config, self.own)


def _by_gradients(
    one: _Member, watched: Watched, checkpoints: Checkpoints | None, *, resume: bool
) -> tuple[Model, Fitted]:
    """Fit a model by the loop, with those who look on."""
    config = one.config
    with seeded(one.own.seed):
        network = build_from_spec(one.spec)
    network.memory = config.memory
    train, validation = one.parts()
    with ExitStack() as stack:
        label = f"member {one.number + 1} of {config.ensemble}" if config.ensemble > 1 else ""
        bar = ProgressBar(config.epochs, show=watched.progress, label=label)
        observers: list[Observer] = [stack.enter_context(bar)]
        if watched.tensorboard and watched.directory is not None:
            curves = watched.directory / "tensorboard"
            curves = curves / f"member-{one.number + 1}" if config.ensemble > 1 else curves
            observers.append(stack.enter_context(TensorBoardLog(curves)))
        fitted = fit(
            network,
            one.problem.objective,
            train=train,
            validation=validation if len(one.problem.split.validation) else None,
            config=one.own,
            checkpoints=checkpoints,
            resume=resume,
            observers=observers,
        )
    return network, fitted


def _at_once(
    one: _Member,
    watched: Watched,  # noqa: ARG001 - there are no epochs to look on
    checkpoints: Checkpoints | None,
    *,
    resume: bool,  # noqa: ARG001 - there is nothing to go on from
) -> tuple[Model, Fitted]:
    """Fit a model as its family does, without epochs."""
    began = time.perf_counter()
    with seeded(one.own.seed):
        network = family_of(one.spec).fit(one.spec, one.parts()[0], one.problem.objective, seed=one.own.seed)
    if checkpoints is not None:
        checkpoints.start()  # nothing of an earlier fit is left
    return network.eval(), Fitted({}, Progress(), "finished", time.perf_counter() - began)


def _checkpoints(directory: Path | None, problem: Problem, one: _Member, spared: Sequence[str]) -> Checkpoints | None:
    """Return the checkpoints of a member that leaves out some training sets.

    The number of members may change, so that a run can be given more; from one to several where none leaves out sets.
    """
    if directory is None:
        return None
    scale = one.inputs.covariates
    covariates = None if scale is None else [*scale.names, fingerprint_of(scale.apply(problem.store))]
    return Checkpoints(
        directory,
        {
            "configuration": one.own.model_dump(mode="json", exclude={"workers", "device", "memory", "ensemble"}),
            "model": one.spec.to_dict(),
            "objective": problem.objective.to_dict(),
            "elements": problem.store.fingerprint,
            "targets": problem.fingerprint,
            "weights": None if problem.weights is None else fingerprint_of(problem.weights),
            "covariates": covariates,
            "split": {part: list(problem.ids(part)) for part in ("train", "validation", "test")},
            "what each model of an ensemble leaves out (ensemble, calibrate)": list(spared),
        },
        member=one.number,
    )
