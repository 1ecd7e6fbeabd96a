"""Fit the members of a run: one model, or each of an ensemble, with its checkpoints and observers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from setwise.fit.cross_fit import without
from setwise.fit.loop import Fitted, fit, seeded
from setwise.fit.member import Member, Watched, checkpoints_of, observing
from setwise.fit.memory import memory_for
from setwise.fit.stacking import FittedMember, Stacked, fit_stack
from setwise.fit.summary_tables import SummaryTables
from setwise.fit.threads import threads_for
from setwise.fit.together import fit_together
from setwise.models import Model, Spec, build_from_spec
from setwise.models.families import family_of
from setwise.models.stack import StackSpec
from setwise.prepare.inputs import Inputs
from setwise.runs.checkpoints import Checkpoints, Progress
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import member_config
from setwise.targets.problem import Problem


@dataclass(frozen=True, eq=False)
class Members:
    """The fitted members of a run.

    Attributes:
        members: each model, with its configuration and how it was fitted.
        stacked: what a stack was made of; none of other models.
    """

    members: list[FittedMember]
    stacked: Stacked | None = None


def fit_members(
    spec: Spec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    watched: Watched,
    out_of_fold: Sequence[np.ndarray],
    *,
    resume: bool,
    spared: bool = False,
) -> Members:
    """Fit one model, or each member of an ensemble; Ctrl-C keeps the members that are done, or the first one so far.

    Members leave out the sets of ``out_of_fold``, rows of the store, where there are some. No part of a stack is fitted
    to the validation sets where they are ``spared``.
    """
    sizes = problem.store.sizes[problem.split.train]
    if not isinstance(spec, StackSpec):
        with threads_for(config, spec, sizes):
            return Members(_fit_each(spec, problem, inputs, config, watched, out_of_fold, resume=resume))

    def fit_part(
        part: Spec, of: Problem, own: FitConfig, directory: Path | None, tables: SummaryTables | None
    ) -> list[FittedMember]:
        own, _ = memory_for(own, part, sizes)
        below = replace(watched, directory=directory, tensorboard=False)
        given = (part, of, inputs, own, below, out_of_fold)
        return fit_together(*given, resume=resume) or _fit_each(*given, resume=resume, tables=tables)

    where = watched.directory, out_of_fold
    found = fit_stack(spec, problem, inputs, config, *where, fit_part, until=watched.until, spared=spared)
    return Members(found.members, found)


def _fit_each(
    spec: Spec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    watched: Watched,
    out_of_fold: Sequence[np.ndarray],
    *,
    resume: bool,
    tables: SummaryTables | None = None,
) -> list[FittedMember]:
    members: list[FittedMember] = []
    fit_one = _by_gradients if family_of(spec).fitter is None else _at_once
    for member in range(config.ensemble):
        its = without(problem, out_of_fold[member]) if out_of_fold else problem
        spared = [problem.store.set_ids[row] for row in out_of_fold[member]] if out_of_fold else []
        one = Member(spec, its, inputs, config, member_config(config, member), member, tables)
        checkpoints = checkpoints_of(watched.directory, problem, one, spared)
        network, fitted = fit_one(one, watched.sharing(config.ensemble - member), checkpoints, resume=resume)
        if fitted.status == "interrupted" and members:
            network, own, before = members[-1]
            members[-1] = network, own, replace(before, status="interrupted")
            break
        members.append((network.double() if config.precision == "64-true" else network.float(), one.own, fitted))
        if fitted.status == "interrupted":
            break
    return members


def _by_gradients(
    one: Member, watched: Watched, checkpoints: Checkpoints | None, *, resume: bool
) -> tuple[Model, Fitted]:
    """Fit a model by the loop, with those who look on."""
    config = one.config
    with seeded(one.own.seed):
        network = build_from_spec(one.spec)
    network.memory = config.memory
    train, validation = one.parts()
    with observing(watched, config, one.number) as observers:
        fitted = fit(
            network,
            one.problem.objective,
            train=train,
            validation=validation if len(one.problem.split.validation) else None,
            config=one.own,
            checkpoints=checkpoints,
            resume=resume,
            observers=observers,
            until=watched.until,
        )
    return network, fitted


def _at_once(
    one: Member,
    watched: Watched,  # noqa: ARG001 - there are no epochs to look on
    checkpoints: Checkpoints | None,
    *,
    resume: bool,  # noqa: ARG001 - there is nothing to go on from
) -> tuple[Model, Fitted]:
    """Fit a model as its family does, without epochs."""
    began = time.perf_counter()
    with seeded(one.own.seed):
        network = family_of(one.spec).fit(one.spec, one.examples(), one.problem.objective, seed=one.own.seed)
    if checkpoints is not None:
        checkpoints.start()  # nothing of an earlier fit is left
    return network.eval(), Fitted({}, Progress(), "finished", time.perf_counter() - began)
