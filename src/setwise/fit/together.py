"""Fit the members of an ensemble together, where sets are few: small batches cost operators, not arithmetic.

Each member is fitted as it would be alone: to its own training sets, from its own first weights, in its own order; the
batches of all go through one network whose weights are those of all.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from setwise.fit.cross_fit import without
from setwise.fit.joint_model import JointModel
from setwise.fit.joint_part import JointTraining, are_small, batch_sizes
from setwise.fit.loop import Fitted, fit, seeded
from setwise.fit.member import Member, Watched, checkpoints_of, observing
from setwise.fit.stacking import FittedMember
from setwise.fit.torchrun import num_processes
from setwise.models import Spec, build_from_spec
from setwise.models.families import family_of
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import member_config
from setwise.targets.problem import Problem


def fit_together(
    spec: Spec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    watched: Watched,
    out_of_fold: Sequence[np.ndarray],
    *,
    resume: bool,
) -> list[FittedMember] | None:
    """Fit all members of an ensemble at once; none where they cannot be: arguments as for `fit_members`.

    They can where the loss of a set does not depend on other sets, no sets choose the epoch, and the training sets are
    whole and small.
    """
    if not _can_be(spec, problem, inputs, config):
        return None
    problems = [without(problem, own) for own in out_of_fold] or [problem] * config.ensemble
    rows = [own.split.train for own in problems]
    configs = [
        member_config(config, member).model_copy(update={"batch_size": size})
        for member, size in enumerate(batch_sizes([len(own) for own in rows], config.batch_size))
    ]
    networks = []
    for own in configs:
        with seeded(own.seed):
            networks.append(build_from_spec(spec))
    joint = JointModel.of(networks)
    if joint is None:
        return None
    trained = problem.split.train
    encoded = torch.full((len(problem.store), len(problem.objective.targets)), torch.nan, dtype=torch.float64)
    encoded[torch.from_numpy(trained)] = problem.objective.encode(problem.values[trained])
    train = JointTraining(problem.store, rows, encoded, problem.weights, inputs, configs)
    first = Member(spec, problem, inputs, config, configs[0], 0)
    spared = [problem.store.set_ids[row] for own in out_of_fold for row in own]
    checkpoints = checkpoints_of(watched.directory, problem, first, spared)
    with observing(watched, config, None) as observers:
        fitted = fit(
            joint,
            problem.objective,
            train=train,
            validation=None,
            config=configs[0],
            checkpoints=checkpoints,
            resume=resume,
            observers=observers,
            until=watched.until,
        )
    joint.give_back(networks)
    history = tuple(
        record.model_copy(update={"train_loss": record.train_loss / len(networks)})
        for record in fitted.progress.history
    )
    each = Fitted({}, replace(fitted.progress, history=history), fitted.status, fitted.seconds / len(networks))
    return [(network.eval(), own, each) for network, own in zip(networks, configs, strict=True)]


def _can_be(spec: Spec, problem: Problem, inputs: Inputs, config: FitConfig) -> bool:
    plain = config.precision == "32-true" and config.accumulate == 1 and config.memory == "normal"
    drawn = config.elements_per_batch is not None or config.balanced_sampling
    alone = not any(target.whole_batch for target in problem.objective.targets)
    return (
        plain
        and not drawn
        and alone
        and config.ensemble > 1
        and num_processes() == 1
        and problem.of == "sets"
        and spec.crosses_sets is None
        and family_of(spec).fitter is None
        and not len(problem.split.validation)
        and are_small(problem.store, problem.split.train, inputs, config, spec.hidden)
    )
