"""Say how the parts of a stack did on sets that they had not seen."""

from collections.abc import Mapping
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
    scores = _scores(problem, stacked)
    ends = _intervals(problem, stacked) if intervals else {}
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
    metric = problem.objective.decisive
    rows.sort(key=lambda row: -np.inf if row.score is None else metric.sign * row.score, reverse=True)
    rows += [Ranked(model=label, note=why) for label, why in stacked.refused.items()]
    return replace(run, record=run.record.model_copy(update={"leaderboard": tuple(rows)}))


def best_single(run: Run, problem: Problem, stacked: Stacked) -> Mapping[str, Run]:
    """Return the best part of a stack as a run of its own, by a name; none for times to an event."""
    scores = _scores(problem, stacked)
    if any(target.needs_outputs for target in run.objective.targets):
        return {}
    metric = problem.objective.decisive
    best = max(scores, key=lambda number: metric.sign * scores[number], default=0)
    part, temperatures = stacked.parts[best], tuple((t,) for t in stacked.temperatures[best].tolist())
    alone = []
    for (network, _, _), (whole, _, _) in zip(part.members, stacked.members, strict=True):
        assert isinstance(whole.spec, StackSpec)
        weights = tuple((1.0,) for _ in temperatures)
        more = {"parts": (network.spec,), "weights": weights, "temperatures": temperatures}
        alone.append(Stack(whole.spec.model_copy(update=more), [network]).eval())
    return {BEST_SINGLE: replace(run, model=joined(alone))}


def _scores(problem: Problem, stacked: Stacked, where: np.ndarray | None = None) -> dict[int, float]:
    """Return the decisive metric of each part, by its number, on the sets that weighed it, or on some of them."""
    objective, rows = problem.objective, stacked.rows
    if not len(rows):
        return {}
    where = np.arange(len(rows)) if where is None else where
    truth, key = problem.truth(rows)[where], objective.decisive.key
    found = {}
    for number in range(len(stacked.parts)):
        metrics = score(objective, objective.predict(_tempered(problem, stacked, number)[where]), truth)
        if key in metrics:
            found[number] = metrics[key]
    return found


def _tempered(problem: Problem, stacked: Stacked, number: int) -> Tensor:
    """Return outputs of a part, of classes divided by their temperatures."""
    outputs = stacked.parts[number].outputs.clone()
    pairs = problem.objective.outputs_of(outputs)
    for (_, own), temperature in zip(pairs, stacked.temperatures[number], strict=True):
        own /= temperature  # a view
    return outputs


def _intervals(problem: Problem, stacked: Stacked) -> dict[int, tuple[float, float]]:
    if not len(stacked.rows):
        return {}
    clusters = columns.clusters(problem.store, problem.group)[stacked.rows]
    found = bootstrap(lambda rows: _scores(problem, stacked, rows), clusters, draws=_DRAWS, seed=0)
    return found.intervals
