"""Say what the table of held-out results means, in plain words; the same for the command line and the report."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from setwise.metrics.metric import Metric
from setwise.runs.record import BEST_SINGLE, TestRow
from setwise.targets.objectives import Objective
from setwise.targets.target import Of, Target

_FEW_SETS = 30
_NO_SETS = 10  # below as many, a table of results shows next to nothing


@dataclass(frozen=True)
class _Row:
    """The metrics of one target, by their names, of a model or of a baseline."""

    name: str
    metrics: Mapping[str, float]


def best_rows(rows: Sequence[TestRow], metric: Metric) -> frozenset[int]:
    """Return the positions of the rows that are best by a metric, ties included."""
    values = {i: row.metrics[metric.key] for i, row in enumerate(rows) if metric.key in row.metrics}
    if not values:
        return frozenset()
    best = metric.best(values.values())
    return frozenset(i for i, value in values.items() if value == best)


def verdict(rows: Sequence[TestRow], objective: Objective, *, test_sets: int, in_folds: bool = False) -> str:
    """Say whether the model, the first row, is worth having beside the others; of several targets a line each.

    Args:
        rows: the model and what it has to beat, measured on the same held-out sets.
        objective: what is predicted.
        test_sets: how many sets were held out.
        in_folds: they are all sets, each predicted by a fit without it.
    """
    rows = [row for row in rows if row.name != BEST_SINGLE]
    if not rows or test_sets == 0:
        return "No sets were held out, so nothing is known of how good this model is on new sets."
    if objective.has_common_unit:
        together = [_Row(row.name, row.metrics) for row in rows]
        sentences = _compared(together, objective.targets[0], objective.decisive, objective.of)
    else:
        sentences = []
        for target in objective.targets:
            own = [metric for metric in objective.metrics.values() if metric.target == target.name]
            (decisive,) = (metric for metric in own if metric.name == target.decisive)
            apart = [_Row(row.name, {m.name: row.metrics[m.key] for m in own if m.key in row.metrics}) for row in rows]
            if decisive.name in apart[0].metrics:
                sentences.append(f"{target.name}: {' '.join(_compared(apart, target, decisive, objective.of))}")
    if test_sets < _NO_SETS:
        sentences.insert(0, _shows_little(test_sets, objective, in_folds=in_folds))
    elif test_sets < _FEW_SETS:
        sentences.append(f"Only {test_sets} sets were predicted unseen, so even clear differences may be chance.")
    return (" " if objective.has_common_unit else "\n").join(sentences)


def _shows_little(test_sets: int, objective: Objective, *, in_folds: bool) -> str:
    """Say how little a few sets show, and how to predict all of them unseen."""
    said = (
        f"Only {test_sets} {'set was' if test_sets == 1 else 'sets were'} predicted unseen, which shows next to "
        "nothing: another choice of them may say the contrary of what follows."
    )
    if in_folds:
        return said
    flag = "--element-target" if objective.of == "elements" else "--target"
    named = " ".join(f"{flag} {shlex.quote(name)}" for name in objective.names[:3])
    return f"{said} To predict every set unseen: setwise cv ELEMENTS {named} --out FOLDER."


def no_better_than_constant(rows: Sequence[TestRow], objective: Objective) -> str | None:
    """Say by which metric the model, the first row, is no better than a constant; none where it is, or nobody knows."""
    constant = next((row for row in rows if row.name == "constant"), None)
    if constant is None:
        return None
    metric = objective.decisive
    if metric.key not in rows[0].metrics or metric.key not in constant.metrics:
        return None
    if objective.has_common_unit:
        well = objective.targets[0].does_well(rows[0].metrics, constant.metrics, objective.of)
        if well is not None:
            return None
    own, others = rows[0].metrics[metric.key], constant.metrics[metric.key]
    return None if metric.beats(own, others) else f"{metric.words} {own:.4g} against {others:.4g}"


def _compared(rows: Sequence[_Row], target: Target, metric: Metric, of: Of) -> list[str]:
    """Say what one metric says of the model, the first row, beside the others, of sets or of elements."""
    model, others = rows[0], [row for row in rows[1:] if metric.name in row.metrics]
    if not others:
        return [f"No baselines were measured, so nothing says whether {model.name} is worth having."]
    constant = next((row for row in others if row.name == "constant"), None)
    best = metric.best(row.metrics[metric.name] for row in others)
    rival = next(row for row in others if row.metrics[metric.name] == best)

    def beats(row: _Row, other: _Row) -> bool:
        return metric.beats(row.metrics[metric.name], other.metrics[metric.name])

    def pair(row: _Row, other: _Row) -> str:
        return f"{metric.words} {row.metrics[metric.name]:.4g} against {other.metrics[metric.name]:.4g}"

    sentences = []
    if constant is not None and not beats(model, constant):
        well = target.does_well(model.metrics, constant.metrics, of)
        sentences.append(
            f"{model.name} has learned nothing that helps on new sets: it is no better than a constant "
            f"({pair(model, constant)})."
            if well is None
            else f"The probabilities of {model.name} are no better than those of a constant ({pair(model, constant)}), "
            f"although it {well}: it tells classes apart, but says it with too little or too much confidence."
        )
    rival_learns = rival is not constant and (constant is None or beats(rival, constant))
    if rival_learns and beats(rival, model):
        sentences.append(
            f"A simpler method wins: {_seen_by(rival, of)} is better than {model.name} "
            f"({pair(rival, model)}). Prefer it, or give the model more sets or other choices."
        )
    if not sentences:
        sentences.append(
            f"{model.name} beats every baseline; the best of them is {rival.name} ({pair(model, rival)})."
            if beats(model, rival)
            else f"{model.name} is about as good as {rival.name}, which is simpler ({pair(model, rival)})."
        )
    return sentences


def _seen_by(rival: _Row, of: Of) -> str:
    return (
        rival.name
        if of == "elements" or rival.name == "covariates alone"
        else f"{rival.name} on moments and quantiles of each set"
    )
