"""Measure the predictions of a repeat: all test sets of its folds together, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accuracy.dataset import Dataset
from accuracy.folds import FoldResult
from accuracy.protocols import Fold
from setwise._checks import InputError
from setwise.runs.held_out import HeldOut, measured
from setwise.store import columns
from setwise.store.store import SetStore

_DIGITS = 6  # after the point, far more than the numbers of sets can show


@dataclass(frozen=True)
class Measurement:
    """What a repeat's predictions are worth.

    Attributes:
        sets: that were predicted.
        clusters: groups, or the sets themselves, that intervals are drawn over.
        metrics: those of the data set that are defined.
        intervals: 95 %, where enough draws define them.
    """

    sets: int
    clusters: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def measure(
    dataset: Dataset, store: SetStore, folds: Sequence[Fold], results: Sequence[FoldResult], *, constant: bool = False
) -> Measurement:
    """Measure predictions, pooled over folds so that folds of few sets count as well.

    Args:
        dataset: says which metrics.
        store: the sets.
        folds, results: of the repeat, in the same order.
        constant: predictions that do not know the sets: by metrics of ranks they are worth what chance is, though the
            constants of folds differ and so rank the sets.

    Raises:
        InputError: folds whose models know other classes.
    """
    objective = results[0].found.objective
    labels = [target.labels for target in objective.targets]
    if any([target.labels for target in result.found.objective.targets] != labels for result in results):
        raise InputError(f"every fold of {dataset.name} must train on every class. Take fewer folds.")
    rows = np.concatenate([fold.test for fold in folds])
    held_out = HeldOut(
        objective,
        np.concatenate([result.found.truth for result in results]),
        {"model": [np.concatenate([result.found.predicted for result in results])]},
        columns.clusters(store, dataset.group)[rows],
    )
    found = measured(held_out)
    (row,) = found.rows
    values, ends = dict(row.metrics), dict(row.intervals)
    if constant:
        chances = {key: metric.chance for key, metric in objective.metrics.items() if metric.chance is not None}
        values |= {key: chance for key, chance in chances.items() if key in values}
        ends = {key: interval for key, interval in ends.items() if key not in chances}
    if "mse" in values:
        values["rmse"] = math.sqrt(values["mse"])
    if "mse" in ends:
        low, high = ends["mse"]
        ends["rmse"] = math.sqrt(low), math.sqrt(high)
    return Measurement(
        sets=len(rows),
        clusters=found.clusters,
        metrics={key: round(values[key], _DIGITS) for key in dataset.metrics if key in values},
        intervals={key: _rounded(ends[key]) for key in dataset.metrics if key in ends},
    )


def _rounded(ends: tuple[float, float]) -> tuple[float, float]:
    return round(ends[0], _DIGITS), round(ends[1], _DIGITS)
