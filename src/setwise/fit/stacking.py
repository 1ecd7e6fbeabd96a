"""Fit a stack: each candidate on the same parts of the training sets, weighed by what it says of the others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.fit.defaults import settled
from setwise.fit.finished import finished_run
from setwise.fit.loop import Fitted, Status
from setwise.fit.stack_weights import selected_weights
from setwise.fit.summary_tables import SummaryTables
from setwise.fit.threads import threads_for
from setwise.metrics.calibration import fit_temperature
from setwise.models import Model, Spec, make_spec
from setwise.models.families import family_of, family_of_model
from setwise.models.family import Candidate
from setwise.models.links import mixed
from setwise.models.stack import EFFORTS, StackSpec
from setwise.models.stack_network import Stack
from setwise.models.summary_model import SummaryModel
from setwise.models.summary_spec import SummarySpec
from setwise.prepare.inputs import Inputs
from setwise.runs.computing import Computing
from setwise.runs.config import RECOMMENDED, FitConfig
from setwise.runs.directory import CHECKPOINTS
from setwise.runs.outputs import outputs_for
from setwise.store import columns
from setwise.targets.problem import Problem

_SEVERAL = 3  # parts beside which a model that needs more sets is not tried
_TOO_FEW = "of fewer than {} training sets it adds too little; it is tried with --effort best (effort='best')."

FittedMember = tuple[Model, FitConfig, Fitted]
FitMembers = Callable[[Spec, Problem, FitConfig, Path | None, SummaryTables | None], list[FittedMember]]


@dataclass(frozen=True, eq=False)
class Part:
    """A candidate that was fitted.

    Attributes:
        candidate: what it is.
        spec: that was fitted.
        members: a model for each member of the stack.
        outputs: ``(n, K)`` for the sets that weigh it.
        seconds: that its fit took.
    """

    candidate: Candidate
    spec: Spec
    members: list[FittedMember]
    outputs: Tensor
    seconds: float


@dataclass(frozen=True, eq=False)
class Stacked:
    """A fitted stack.

    Attributes:
        members: the stacks.
        parts: the candidates that were fitted.
        weights, temperatures: ``(P, T)`` of the parts for each target.
        refused: why a candidate was left out, by its name.
        rows: ``(n,)`` of the store, which weigh the parts; none where there were none to spare.
    """

    members: list[FittedMember]
    parts: tuple[Part, ...]
    weights: np.ndarray
    temperatures: np.ndarray
    refused: dict[str, str]
    rows: np.ndarray


def fit_stack(
    spec: StackSpec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    directory: Path | None,
    out_of_fold: Sequence[np.ndarray],
    fit_members: FitMembers,
    *,
    until: float | None = None,
    spared: bool = False,
) -> Stacked:
    """Fit every candidate of an effort, cheapest first, and join them.

    Each member of the stack has a model of each candidate, all fitted on the same sets. What these say of the sets that
    they leave out, or of the validation part, gives the weights; without any, all parts count alike. Parts that need no
    validation are fitted once more in the end, to its sets as well.

    Args:
        spec: of the stack, without its parts.
        problem: the sets, their parts and targets.
        inputs: how sets become what the models take.
        config: with everything decided.
        directory: of the run, or none.
        out_of_fold: rows of the store that each member leaves out, or nothing.
        fit_members: fits the members of one specification to a problem, with a configuration, below a directory, from
            tables of summaries.
        until: the moment (`time.perf_counter`) after which no further candidate is begun, but the first.
        spared: no part is fitted to the validation sets.

    Raises:
        InputError: data that no candidate can be fitted to.
    """
    rows = _weighing(problem, config, out_of_fold)
    tried = _tried(spec, problem, inputs, config, directory, fit_members, rows, until)
    parts = tried.parts
    if not parts:
        if tried.interrupted:
            raise KeyboardInterrupt
        raise InputError(next(iter(tried.refused.values())))
    every = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    weights, temperatures = _weighed(problem, parts, every)
    if len(problem.split.validation) and not spared and not tried.interrupted:
        whole = _with_validation(problem)
        parts = [
            _fitted_again(part, whole, config, fit_members, tried.tables) if weights[number].any() else part
            for number, part in enumerate(parts)
        ]
    members = _joined(spec, problem, parts, weights, temperatures, "interrupted" if tried.interrupted else None)
    return Stacked(members, tuple(parts), weights, temperatures, tried.refused, every)


@dataclass(eq=False)
class _Tried:
    """The candidates of a stack, as far as they were tried; attributes as of `Stacked`.

    Attributes:
        interrupted: by Ctrl-C.
        tables: summaries of the sets, once a part has asked for them.
    """

    parts: list[Part] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    tables: SummaryTables | None = None


def _tried(
    spec: StackSpec,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    directory: Path | None,
    fit_members: FitMembers,
    rows: Sequence[np.ndarray],
    until: float | None,
) -> _Tried:
    """Fit one candidate after the other; after Ctrl-C return those that are whole, or the first as far as it came."""
    tried, sizes = _Tried(), problem.store.sizes[problem.split.train]
    for candidate in family_of(spec).candidates:
        if spec.effort not in candidate.efforts:
            continue
        reason = _reason_against(spec, candidate, problem, len(tried.parts), until)
        if reason is not None:
            tried.refused[candidate.model] = reason
            continue
        began, folder = time.perf_counter(), _folder(directory, candidate)
        own, part = _specified(spec, candidate, config, len(sizes))
        if isinstance(part, SummarySpec) and tried.tables is None:
            tried.tables = SummaryTables(problem, inputs, own, part.categories)
        with threads_for(own, part, sizes):
            try:
                members = fit_members(part, problem, own, folder, tried.tables)
            except InputError as error:
                tried.refused[candidate.model] = str(error)
                continue
            except KeyboardInterrupt:
                tried.interrupted = True
                break
            tried.interrupted = members[-1][2].status == "interrupted"
            if tried.interrupted and tried.parts:
                break  # what is whole is kept
            outputs = _outputs(candidate, problem, inputs, own, members, rows, tried.tables)
        tried.parts.append(Part(candidate, part, members, outputs, time.perf_counter() - began))
        if tried.interrupted:
            break
    return tried


def _reason_against(
    spec: StackSpec, candidate: Candidate, problem: Problem, others: int, until: float | None
) -> str | None:
    """Return why a candidate is not tried beside so many others, or none."""
    if others and until is not None and time.perf_counter() > until:
        return "there was no time left."
    if candidate.for_numbers is not None and all(head.kind == "number" for head in problem.objective.heads):
        return f"for numbers it is the same as {candidate.for_numbers}."
    if len(problem.split.train) < candidate.fewest and others >= _SEVERAL and spec.effort != EFFORTS[-1]:
        return _TOO_FEW.format(candidate.fewest)
    return None


def _with_validation(problem: Problem) -> Problem:
    """Return the problem with its validation sets among those that are fitted to."""
    split = problem.split
    train = np.sort(np.concatenate([split.train, split.validation]))
    return replace(problem, split=replace(split, train=train, validation=np.zeros(0, np.int64)))


def _fitted_again(
    part: Part, whole: Problem, config: FitConfig, fit_members: FitMembers, tables: SummaryTables | None
) -> Part:
    """Return a part fitted to a whole problem; a network as it is, whose epoch the validation sets chose."""
    family = family_of_model(part.candidate.model)
    if family.fitter is None:
        return part
    began = time.perf_counter()
    own, _ = settled(config, part.candidate.model, part.candidate.choices, len(whole.split.train))
    with threads_for(own, part.spec, whole.store.sizes[whole.split.train]):
        members = fit_members(part.spec, whole, own, None, tables)
    return replace(part, members=members, seconds=part.seconds + time.perf_counter() - began)


def _weighing(problem: Problem, config: FitConfig, out_of_fold: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return rows of the store that each member has not seen, and that weigh its parts; none where all are seen."""
    if out_of_fold:
        return list(out_of_fold)
    held = problem.split.validation
    return [held] * config.ensemble if len(held) else []


def _folder(directory: Path | None, candidate: Candidate) -> Path | None:
    return None if directory is None else directory / CHECKPOINTS / candidate.model


def _specified(spec: StackSpec, candidate: Candidate, config: FitConfig, num_sets: int) -> tuple[FitConfig, Spec]:
    """Return configuration and specification of a candidate, for the same data as those of the stack."""
    made = candidate.made_for(num_sets)
    unchosen = FitConfig(**RECOMMENDED)
    numbers = {name: made.pop(name) for name in FitConfig.model_fields if name in made}
    config = config.model_copy(update={k: v for k, v in numbers.items() if getattr(config, k) == getattr(unchosen, k)})
    own, choices = settled(config, candidate.model, made, num_sets)
    data = {name: getattr(spec, name) for name in Spec.model_fields}
    sizes = (data.pop("in_features"), data.pop("out_features"))
    choices = {**family_of_model(candidate.model).fitting, **choices}
    return own, make_spec(candidate.model, *sizes, **data, **choices)


def _outputs(
    candidate: Candidate,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    members: list[FittedMember],
    rows: Sequence[np.ndarray],
    tables: SummaryTables | None,
) -> Tensor:
    """Return outputs ``(n, K)`` of each member for its own rows, float64."""
    run = finished_run(candidate.model, problem, inputs, config, members, None, ())
    how = Computing(device=config.device)
    found = []
    for (network, _, _), own in zip(members, rows, strict=False):
        if isinstance(network, SummaryModel) and tables is not None:
            found.append(network.of_table(tables.numbers(network.spec.summaries, own)).detach())
        else:
            found.append(outputs_for(replace(run, model=network), problem.store, own, how))
    return torch.cat(found).double() if found else torch.zeros(0, problem.objective.out_features)


def _weighed(problem: Problem, parts: Sequence[Part], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and temperatures ``(P, T)`` of the parts for each target."""
    objective = problem.objective
    shape = (len(parts), len(objective.targets))
    weights, temperatures = np.full(shape, 1 / len(parts)), np.ones(shape)
    if not len(rows):
        return weights, temperatures
    encoded = objective.scaled(problem.truth(rows))
    counted = torch.ones(len(rows)) if problem.weights is None else torch.from_numpy(problem.weights[rows])
    clusters = columns.clusters(problem.store, problem.group)[rows]
    by_part = [[own for _, own in objective.outputs_of(part.outputs)] for part in parts]
    for column, target in enumerate(objective.targets):
        known = ~encoded[:, column].isnan()
        if not known.any():
            continue
        truth, kind = encoded[known, column], target.head.kind
        own = [outputs[column][known] for outputs in by_part]
        if kind == "classes":
            temperatures[:, column] = [fit_temperature(x.numpy(), truth.long().numpy()) for x in own]
        t = temperatures[:, column].tolist()

        def losses(
            mixtures: np.ndarray, own=own, truth=truth, target=target, kind=kind, t=t, known=known
        ) -> np.ndarray:
            found = [target.losses(mixed(kind, own, mixture, t), truth) for mixture in mixtures.tolist()]
            return (torch.stack(found) * counted[known]).numpy()

        weights[:, column] = selected_weights(losses, len(parts), clusters[known.numpy()])
    return weights, temperatures


def _joined(
    spec: StackSpec,
    problem: Problem,
    parts: Sequence[Part],
    weights: np.ndarray,
    temperatures: np.ndarray,
    status: Status | None,
) -> list[FittedMember]:
    """Return a stack for each member, of the parts that have a weight for some target."""
    used = [number for number, own in enumerate(weights) if own.any()]
    heads = tuple((head.kind, head.outputs) for head in problem.objective.heads)
    members: list[FittedMember] = []
    for of_member in zip(*(parts[number].members for number in used), strict=True):
        models = [network for network, _, _ in of_member]
        own = spec.model_copy(
            update={
                "parts": tuple(model.spec for model in models),
                "heads": heads,
                "weights": tuple(map(tuple, weights[used].T.tolist())),
                "temperatures": tuple(map(tuple, temperatures[used].T.tolist())),
            }
        )
        fitted = [one for _, _, one in of_member]
        longest = max(fitted, key=lambda one: one.progress.epochs)
        seconds = sum(one.seconds for one in fitted)
        members.append(
            (
                Stack(own, models).eval(),
                of_member[-1][1],
                Fitted({}, longest.progress, status or longest.status, seconds),
            )
        )
    return members
