"""Measure predictions for held-out sets with intervals, those of a model and those of baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from setwise.metrics.intervals import LEVEL, bootstrap
from setwise.runs.record import TestRow
from setwise.store.store import positions
from setwise.targets.metrics import score
from setwise.targets.objectives import Objective

_ELEMENTS_IN_ALL, _DRAWS = 10_000_000, (100, 1000)  # that all draws together hold, and fewest and most draws


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions for held-out sets, beside the truth.

    Attributes:
        objective: what is predicted.
        truth: ``(B, T)`` what it is compared with.
        predicted: by name, the model first, predictions ``(B, P)`` of each repeat; one where nothing was repeated.
        clusters: ``(B,)`` what the sets are drawn by: their groups, or themselves.
        sizes: ``(B,)`` elements of each set where elements are predicted: truth and predictions then have a row per
            element, set after set; draws are of whole sets all the same.
    """

    objective: Objective
    truth: np.ndarray
    predicted: Mapping[str, Sequence[np.ndarray]]
    clusters: np.ndarray
    sizes: np.ndarray | None = None

    def measure(self, rows: np.ndarray) -> dict[tuple[str, str], float]:
        """Return metrics by name and metric, of the sets at some rows; means over the repeats."""
        found: dict[tuple[str, str], float] = {}
        sizes = None
        if self.sizes is not None:
            sizes, starts = self.sizes[rows], (np.cumsum(self.sizes) - self.sizes)[rows]
            rows = positions(starts, sizes)
        for name, repeats in self.predicted.items():
            scores = [score(self.objective, predicted[rows], self.truth[rows], sizes=sizes) for predicted in repeats]
            for metric in scores[0]:
                if not all(metric in one for one in scores):  # what has no value where all predictions are one
                    continue
                found[name, metric] = float(np.mean([one[metric] for one in scores]))
        return found


def scored(held_out: HeldOut) -> tuple[TestRow, ...]:
    """Return metrics without intervals."""
    found = held_out.measure(np.arange(len(held_out.clusters)))
    return tuple(
        TestRow(name=name, metrics={metric: value for (of, metric), value in found.items() if of == name})
        for name in held_out.predicted
    )


@dataclass(frozen=True)
class Measured:
    """Metrics with their intervals.

    Attributes:
        rows: the model and what it has to beat.
        gains: the model's metric less that of each other row, with its interval: ``(gain, low, high)`` by the other's
            name and the metric; no interval (None) where too few draws define it.
        clusters: how many groups or sets were drawn from.
        draws: of the bootstrap.
        undefined: metrics that some draws did not define, with the share of the draws that did.
    """

    rows: tuple[TestRow, ...]
    gains: dict[tuple[str, str], tuple[float, float | None, float | None]]
    clusters: int
    draws: int
    undefined: dict[str, float]


def measured(held_out: HeldOut, *, level: float = LEVEL, draws: int | None = None, seed: int = 0) -> Measured:
    """Measure held-out predictions, with bootstrap intervals over groups or sets (`setwise.metrics.intervals`).

    The interval tells how far the metric may lie from that over all sets alike these, for models fitted as these were;
    that another training sample would have given other weights is not in it.

    Args:
        held_out: predictions of all rows for the same sets.
        level: of the intervals, dimensionless.
        draws: of the bootstrap; by default as many as the number of sets allows.
        seed: of the draws.
    """
    first = next(iter(held_out.predicted))

    def with_gains(rows: np.ndarray) -> dict[tuple[str, str, str], float]:
        """Return metrics by (name, name, metric), gains by (model, other, metric)."""
        found = held_out.measure(rows)
        numbers = {(name, name, metric): value for (name, metric), value in found.items()}
        for (name, metric), value in found.items():
            if name != first and (first, metric) in found:
                numbers[first, name, metric] = found[first, metric] - value
        return numbers

    found = with_gains(np.arange(len(held_out.clusters)))
    if draws is None and held_out.sizes is not None:
        draws = int(np.clip(_ELEMENTS_IN_ALL // max(1, len(held_out.truth)), *_DRAWS))
    drawn = bootstrap(with_gains, held_out.clusters, level=level, draws=draws, seed=seed)
    rows = []
    for name in held_out.predicted:
        metrics = {key[2]: value for key, value in found.items() if key[:2] == (name, name)}
        intervals = {m: drawn.intervals[name, name, m] for m in metrics if (name, name, m) in drawn.intervals}
        rows.append(TestRow(name=name, metrics=metrics, intervals=intervals))
    gains: dict[tuple[str, str], tuple[float, float | None, float | None]] = {}
    for key, value in found.items():
        if key[0] != key[1]:
            low, high = drawn.intervals.get(key, (None, None))
            gains[key[1], key[2]] = value, low, high
    undefined = {key[2]: share for key, share in drawn.defined.items() if key[:2] == (first, first) and share < 1}
    return Measured(tuple(rows), gains, drawn.clusters, drawn.draws, undefined)
