"""Fit the members of a run: one model, or each of an ensemble, with its checkpoints and observers."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from setwise.fit.cross_fit import without
from setwise.fit.element_fit import of_elements
from setwise.fit.loop import Fitted, fit, seeded
from setwise.fit.observers import Observer, ProgressBar, TensorBoardLog
from setwise.fit.set_fit import of_sets
from setwise.models import Spec, build_from_spec
from setwise.prepare.inputs import Inputs
from setwise.runs.checkpoints import Checkpoints
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import member_config
from setwise.targets.problem import Problem, digest


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
    out_of: Sequence[np.ndarray],
    *,
    resume: bool,
) -> list[tuple[nn.Module, FitConfig, Fitted]]:
    """Fit one model, or each member of an ensemble; Ctrl-C keeps the members that are done, or the first one so far.

    Members leave out the sets of ``out_of``, rows of the store, where there are some.
    """
    members: list[tuple[nn.Module, FitConfig, Fitted]] = []
    for member in range(config.ensemble):
        own = member_config(config, member)
        with seeded(own.seed):
            network = build_from_spec(spec)
        network.memory = config.memory
        its = without(problem, out_of[member]) if out_of else problem
        spared = [problem.store.set_ids[row] for row in out_of[member]] if out_of else []
        checkpoints = _checkpoints(watched.directory, problem, inputs, spec, own, member, spared)
        with ExitStack() as stack:
            label = f"member {member + 1} of {config.ensemble}" if config.ensemble > 1 else ""
            bar = ProgressBar(config.epochs, show=watched.progress, label=label)
            observers: list[Observer] = [stack.enter_context(bar)]
            if watched.tensorboard and watched.directory is not None:
                curves = watched.directory / "tensorboard"
                curves = curves / f"member-{member + 1}" if config.ensemble > 1 else curves
                observers.append(stack.enter_context(TensorBoardLog(curves)))
            fitted = _fit(network, its, inputs, (config, own), checkpoints, observers, resume=resume)
        if fitted.status == "interrupted" and members:
            network, own, before = members[-1]
            members[-1] = network, own, replace(before, status="interrupted")
            break
        members.append((network.double() if config.precision == "64-true" else network.float(), own, fitted))
        if fitted.status == "interrupted":
            break
    return members


def _fit(
    network: nn.Module,
    problem: Problem,
    inputs: Inputs,
    configs: tuple[FitConfig, FitConfig],
    checkpoints: Checkpoints | None,
    observers: Sequence[Observer],
    *,
    resume: bool,
) -> Fitted:
    """Fit one model; the configurations are the run's, whose validation sets all members share, and the member's."""
    config, own = configs
    train, validation = (of_elements if problem.of == "elements" else of_sets)(problem, inputs, config, own)
    return fit(
        network,
        problem.objective,
        train=train,
        validation=validation if len(problem.split.validation) else None,
        config=own,
        checkpoints=checkpoints,
        resume=resume,
        observers=observers,
    )


def _checkpoints(
    directory: Path | None,
    problem: Problem,
    inputs: Inputs,
    spec: Spec,
    config: FitConfig,
    member: int,
    spared: Sequence[str],
) -> Checkpoints | None:
    """Return the checkpoints of a member that leaves out some training sets.

    The number of members may change, so that a run can be given more; from one to several where none leaves out sets.
    """
    if directory is None:
        return None
    scale = inputs.covariates
    covariates = None if scale is None else [*scale.names, digest(scale.apply(problem.store))]
    return Checkpoints(
        directory,
        {
            "configuration": config.model_dump(mode="json", exclude={"workers", "device", "memory", "ensemble"}),
            "model": spec.to_dict(),
            "objective": problem.objective.to_dict(),
            "elements": problem.store.fingerprint,
            "targets": problem.fingerprint,
            "weights": None if problem.weights is None else digest(problem.weights),
            "covariates": covariates,
            "split": {part: list(problem.ids(part)) for part in ("train", "validation", "test")},
            "what each model of an ensemble leaves out (ensemble, calibrate)": list(spared),
        },
        member=member,
    )
