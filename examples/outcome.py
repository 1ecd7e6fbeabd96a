"""Keep the outcome of an example as JSON: one number of ours beside those of baselines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from setwise._files import write_atomic
from setwise.runs.held_out import HeldOut, measured
from setwise.runs.record import TestRow, library_versions, now
from setwise.targets import Objective

_MEAN_WITH = "setwise and "
LINEAR, TREES = ("logistic regression", "ridge"), ("random forest", "gradient boosting")


@dataclass(frozen=True)
class Outcome:
    """One number of an example beside those of baselines.

    Attributes:
        example: name of the example.
        case: which data.
        evaluation: how it was measured, with how many repeats were done.
        metric: in words.
        lower: whether less of it is better.
        rows: the number by name, ours (with the default settings) first.
        interval: ends of ours' 95 % interval, or none.
        published: what others report, with its source; empty where nobody does.
        note: what else is to be said, or nothing.
    """

    example: str
    case: str
    evaluation: str
    metric: str
    lower: bool
    rows: dict[str, float]
    interval: tuple[float, float] | None
    published: str = ""
    note: str = ""


def of_rows(rows: Sequence[TestRow], objective: Objective, metric: str, **words: str) -> Outcome:
    """Make the outcome of measured rows, the model's first.

    Args:
        rows: with this metric where it is defined.
        objective: what was predicted.
        metric: name of the library's.
        words: ``example``, ``case``, ``evaluation``, ``metric_name``, ``published`` and ``note`` of `Outcome`.
    """
    named = {row.name: row.metrics[metric] for row in rows if metric in row.metrics}
    ours = next(iter(named))
    numbers = {"setwise": named.pop(ours), **named}
    interval = rows[0].intervals.get(metric)
    name = words.pop("metric_name", metric)
    return Outcome(metric=name, lower=objective.metric(metric).lower, rows=numbers, interval=interval, **words)


def of_held_out(held_out: HeldOut, metric: str, **words: str) -> Outcome:
    """Make the outcome of held-out predictions: an interval over sets, and rows of averages with baselines.

    A constant has no rank among sets, though the folds' constants differ: its AUC is one half.
    """
    rows = measured(with_averages(held_out)).rows
    if metric == "auc":
        rows = [row if row.name != "constant" else row.model_copy(update={"metrics": {"auc": 0.5}}) for row in rows]
    return of_rows(rows, held_out.objective, metric, **words)


def with_averages(held_out: HeldOut) -> HeldOut:
    """Add averages to held-out predictions: the mean of ours and the linear baseline's, of ours and the trees'."""
    ours = next(iter(held_out.predicted))
    means: dict[str, list[np.ndarray]] = {}
    for name in held_out.predicted:
        if name.startswith((*LINEAR, *TREES)):
            pairs = zip(held_out.predicted[ours], held_out.predicted[name], strict=True)
            means[f"{_MEAN_WITH}{name}, averaged"] = [(mine + theirs) / 2 for mine, theirs in pairs]
    return replace(held_out, predicted={**held_out.predicted, **means})


def averaged_with(outcome: Outcome, kind: tuple[str, ...]) -> float | None:
    """Return the number of the mean of ours and a baseline of a kind, `LINEAR` or `TREES`, or none."""
    own = (n for n in outcome.rows if is_average(n) and n.removeprefix(_MEAN_WITH).startswith(kind))
    return next((outcome.rows[name] for name in own), None)


def is_average(name: str) -> bool:
    """Return whether a row is the mean of ours and a baseline."""
    return name.startswith(_MEAN_WITH)


def keep(outcomes: Sequence[Outcome], path: Path, *, command: str) -> None:
    """Write outcomes as a record, with the command that made them, the day and the versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "command": command,
        "created": now(),
        "versions": library_versions(),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())


def kept(path: Path) -> tuple[dict[str, Any], list[Outcome]]:
    """Read the record that `keep` wrote, and its outcomes."""
    record = json.loads(path.read_text(encoding="utf-8"))
    return record, [
        Outcome(**{**values, "interval": values["interval"] and tuple(values["interval"])})
        for values in record.pop("outcomes")
    ]
