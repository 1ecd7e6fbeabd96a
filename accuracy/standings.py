"""Compare entrants over all data sets: ranks, losses beside a constant's, and how the default stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from accuracy.dataset import Dataset
from accuracy.records import Row

Rows = Mapping[tuple[str, str], Row]
_LITTLE, _MUCH = 0.02, 0.03  # relative, in the loss


@dataclass(frozen=True)
class Standing:
    """How an entrant stands over the data sets on which it was measured.

    Attributes:
        entrant: name.
        measured: data sets.
        rank: mean rank by loss among all that were measured on the same data set; 1 is best.
        loss: mean of its loss divided by the constant's (dimensionless), or none where no constant was measured.
        best, worst: on how many data sets it has the least and the greatest loss of all.
    """

    entrant: str
    measured: int
    rank: float
    loss: float | None
    best: int
    worst: int


@dataclass(frozen=True)
class DefaultStanding:
    """How the default stands beside others; data sets on which both were measured.

    Attributes:
        measured: data sets with a number of the default and of one other, beside the constant.
        worst: on which nothing but the constant has a greater loss.
        behind: beside the best single model of setwise: on which its loss is more than 2 % greater.
        far_behind: the same, more than 3 %.
        compared: with a number of a single model of setwise.
        level: on which it is best of all, or the best lies within its interval.
        beats: on which its loss is less than that of the earlier default.
        met: data sets on which both of these were measured.
        reached, goals: data sets with a goal and a number of the default; on which it is reached.
    """

    measured: int
    worst: int
    behind: int
    far_behind: int
    compared: int
    level: int
    beats: int
    met: int
    reached: int
    goals: int


def losses(rows: Rows, dataset: Dataset, names: Sequence[str]) -> dict[str, float]:
    """Return the loss of every entrant of these that has one on a data set."""
    found = {name: rows[dataset.name, name].metrics.get(dataset.loss) for name in names if (dataset.name, name) in rows}
    return {name: loss for name, loss in found.items() if loss is not None}


def standings(rows: Rows, datasets: Sequence[Dataset], names: Sequence[str], *, constant: str) -> list[Standing]:
    """Compare entrants, those with the least mean rank first.

    Args:
        rows: by data set and entrant.
        datasets: that count.
        names: of entrants.
        constant: the entrant by whose losses others are divided.
    """
    ranks: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    best, worst = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for dataset in datasets:
        own = losses(rows, dataset, names)
        if len(own) < 2:
            continue
        for name, rank in zip(own, stats.rankdata(list(own.values())), strict=True):
            ranks.setdefault(name, []).append(float(rank))
            best[name] += own[name] == min(own.values())
            worst[name] += own[name] == max(own.values())
            if constant in own:
                shares.setdefault(name, []).append(own[name] / own[constant])
    found = [
        Standing(
            name,
            len(ranks[name]),
            float(np.mean(ranks[name])),
            float(np.mean(shares[name])) if name in shares else None,
            best[name],
            worst[name],
        )
        for name in names
        if name in ranks
    ]
    return sorted(found, key=lambda standing: standing.rank)


def standing_of_default(
    rows: Rows,
    datasets: Sequence[Dataset],
    *,
    default: str,
    singles: Sequence[str],
    others: Sequence[str],
    earlier: str,
) -> DefaultStanding:
    """Count on how many data sets the default is where.

    Args:
        rows: by data set and entrant.
        datasets: that count.
        default: name of the default.
        singles: names of the other models of setwise.
        others: names of baselines and peers, without the constant.
        earlier: name of the default that was before.
    """
    counts = dict.fromkeys(DefaultStanding.__dataclass_fields__, 0)
    for dataset in datasets:
        own = losses(rows, dataset, (default, *singles, *others))
        if default not in own:
            continue
        mine = own.pop(default)
        if own:
            interval = rows[dataset.name, default].intervals.get(dataset.loss, (mine, mine))
            counts["measured"] += 1
            counts["worst"] += mine > max(own.values())
            counts["level"] += mine <= min(own.values()) or min(own.values()) >= interval[0]
        alone = [own[name] for name in singles if name in own]
        if alone:
            counts["compared"] += 1
            counts["behind"] += mine > (1 + _LITTLE) * min(alone)
            counts["far_behind"] += mine > (1 + _MUCH) * min(alone)
        if earlier in own:
            counts["met"] += 1
            counts["beats"] += mine < own[earlier]
        if dataset.goal is not None and dataset.score in rows[dataset.name, default].metrics:
            counts["goals"] += 1
            counts["reached"] += reaches(dataset, rows[dataset.name, default].metrics[dataset.score])
    return DefaultStanding(**counts)


def lower_is_better(metric: str) -> bool:
    """Return whether less of a metric of the benchmark is better."""
    return metric in ("cross_entropy", "rmse", "mae")


def reaches(dataset: Dataset, value: float) -> bool:
    """Return whether a score is as good as the goal of a data set."""
    assert dataset.goal is not None, "a data set without a goal"
    return value <= dataset.goal if lower_is_better(dataset.score) else value >= dataset.goal


def best_of(rows: Rows, dataset: Dataset, names: Sequence[str]) -> str | None:
    """Return which of these entrants has the least loss on a data set, or none."""
    own = losses(rows, dataset, names)
    return min(own, key=own.__getitem__) if own else None
