"""Say how the parts of a stack did on sets that they had not seen."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from setwise.fit.stacking import Stacked
from setwise.metrics.intervals import bootstrap
from setwise.models.stack import StackSpec
from setwise.models.stack_network import Stack
from setwise.runs.ensemble import joined
from setwise.runs.record import BEST_SINGLE, Ranked
from setwise.runs.run import Run
from setwise.store import columns
from setwise.targets.metrics import score
from setwise.targets.problem import Problem

_DRAWS = 200  # of the intervals


def with_leaderboard(run: Run, problem: Problem, stacked: Stacked | None, *, intervals: bool) -> Run:
    """Return the run with the score, the seconds and the weight of each part of its stack; as it is without a stack."""
    if stacked is None:
        return run
    metric = problem.objective.decisive
    scores: Mapping[int, float] = {}
    ends: Mapping[int, tuple[float, float]] = {}
    if len(stacked.rows):
        score_of = _scorer(problem, stacked)
        scores = score_of(np.arange(len(stacked.rows)))
        if intervals:
            clusters = columns.clusters(problem.store, problem.group)[stacked.rows]
            ends = bootstrap(score_of, clusters, draws=_DRAWS, seed=0).intervals
    rows = [
        Ranked(
            model=part.candidate.model,
            score=scores.get(number),
            interval=ends.get(number),
            seconds=part.seconds,
            weight=float(stacked.weights[number].mean()),
            sees=part.candidate.sees,
        )
        for number, part in enumerate(stacked.parts)
    ]
    rows.sort(key=lambda row: -np.inf if row.score is None else metric.sign * row.score, reverse=True)
    rows += [Ranked(model=label, note=why) for label, why in stacked.refused.items()]
    return replace(run, record=run.record.model_copy(update={"leaderboard": tuple(rows)}))


def best_single(run: Run, stacked: Stacked) -> Mapping[str, Run]:
    """Return the part that leads the leaderboard, as a run of its own, by a name; none for times to an event."""
    if any(target.needs_outputs for target in run.objective.targets):
        return {}
    names = [part.candidate.model for part in stacked.parts]
    best = names.index(run.record.leaderboard[0].model)
    part, temperatures = stacked.parts[best], tuple((t,) for t in stacked.temperatures[best].tolist())
    alone = []
    for (network, _, _), (whole, _, _) in zip(part.members, stacked.members, strict=True):
        assert isinstance(whole.spec, StackSpec)
        weights = tuple((1.0,) for _ in temperatures)
        more = {"parts": (network.spec,), "weights": weights, "temperatures": temperatures}
        alone.append(Stack(whole.spec.model_copy(update=more), [network]).eval())
    return {BEST_SINGLE: replace(run, model=joined(alone))}


def _scorer(problem: Problem, stacked: Stacked) -> Callable[[np.ndarray], dict[int, float]]:
    """Return a function that gives the decisive metric of each part, by its number, on some of the weighing sets."""
    objective, key = problem.objective, problem.objective.decisive.key
    truth = problem.truth(stacked.rows)
    predicted = [objective.predict(_tempered(problem, stacked, number)) for number in range(len(stacked.parts))]

    def score_of(rows: np.ndarray) -> dict[int, float]:
        found = enumerate(score(objective, own[rows], truth[rows]) for own in predicted)
        return {number: metrics[key] for number, metrics in found if key in metrics}

    return score_of


def _tempered(problem: Problem, stacked: Stacked, number: int) -> Tensor:
    """Return outputs of a part, of classes divided by their temperatures."""
    outputs = stacked.parts[number].outputs.clone()
    pairs = problem.objective.outputs_of(outputs)
    for (_, own), temperature in zip(pairs, stacked.temperatures[number], strict=True):
        own /= temperature  # a view
    return outputs
