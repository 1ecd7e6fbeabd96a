"""Compare runs that were measured on the same held-out sets, by paired differences of their metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.runs.held_out import HeldOut, measured
from setwise.runs.held_out_table import predicted_in, read_held_out, truth_in
from setwise.runs.record import TestRow
from setwise.runs.run import Run
from setwise.store.tables import listed
from setwise.targets.objectives import Objective


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs beside each other, on the same held-out sets.

    Attributes:
        objective: what they predict, of the first run.
        rows: the metrics of each run with 95% intervals, the first run first.
        differences: by a run's name and a metric, that of the run less that of the first, with the ends of its 95%
            interval; no ends (None) where too few draws define it.
        sets: held-out sets.
        clusters: groups of them, or the sets themselves, that the intervals are drawn from.
        notes: what is to be said of the comparison, a sentence each.
    """

    objective: Objective
    rows: tuple[TestRow, ...]
    differences: dict[tuple[str, str], tuple[float, float | None, float | None]]
    sets: int
    clusters: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Measured:
    """A run's name, the run, and its table of held-out predictions in the order of sets (and elements)."""

    name: str
    run: Run
    table: pa.Table


def compare(*runs: Run | str | Path, draws: int | None = None, seed: int = 0) -> Comparison:
    """Compare runs with the first of them: paired differences, with bootstrap intervals over groups or sets.

    Every draw of sets gives the metrics of all runs and their differences, so that a set that is hard for all runs
    widens no interval of a difference. The intervals tell the luck of the held-out sets; that other training sets, or
    another seed, would have given other models is not in them.

    Args:
        runs: two at least: runs, or their directories.
        draws: of the bootstrap; by default as many as the number of sets allows.
        seed: of the draws.

    Raises:
        InputError: fewer than two runs, runs that predict something else, or that were measured on other sets.
    """
    if len(runs) < 2:
        raise InputError(f"two runs at least are compared; got {len(runs)}. Name their directories.")
    first, *others = found = _named(runs)
    for other in others:
        _check_comparable(first, other)
    objective = first.run.objective
    sizes, sets = None, first.table["set_id"].to_pylist()
    begins = np.arange(len(sets))
    if objective.of == "elements":
        names = np.array(sets)
        begins = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
        sizes = np.diff(np.r_[begins, len(names)])
    held_out = HeldOut(
        objective,
        truth_in(first.table, objective),
        {one.name: [predicted_in(one.table, one.run.objective)] for one in found},
        _clusters(found)[begins],
        sizes,
    )
    made = measured(held_out, draws=draws, seed=seed)
    differences: dict[tuple[str, str], tuple[float, float | None, float | None]] = {}
    for key, (gain, low, high) in made.gains.items():
        differences[key] = (-gain, None if high is None else -high, None if low is None else -low)
    return Comparison(objective, made.rows, differences, len(begins), made.clusters, _notes(found))


def _named(runs: Sequence[Run | str | Path]) -> list[_Measured]:
    """Return runs under names that tell them apart, each with its table."""
    loaded = [run if isinstance(run, Run) else Run.load(run) for run in runs]
    paths = [run.path for run in loaded]
    names = [f"run {n}" if path is None else path.name or str(path) for n, path in enumerate(paths, start=1)]
    if len(set(names)) < len(names):
        names = [name if path is None else str(path) for name, path in zip(names, paths, strict=True)]
    if len(set(names)) < len(names):
        raise InputError(f"each run must be named once; got {listed(names)}.")
    return [_Measured(name, run, _table(name, run)) for name, run in zip(names, loaded, strict=True)]


def _table(name: str, run: Run) -> pa.Table:
    """Return the table of held-out predictions of a run, its rows in the order of their sets and elements."""
    table = run.test_predictions
    if table is None and run.path is not None:
        table = read_held_out(run.path, run.objective, run.record.group)
    if table is None:
        raise InputError(f"{name} has no held-out predictions: it held no sets out. Fit it with a test part.")
    more = ["element"] if "element" in table.column_names else []
    return table.sort_by([(column, "ascending") for column in ("set_id", *more)])


def _check_comparable(first: _Measured, other: _Measured) -> None:
    """Refuse runs of other targets, other sets or other truth.

    Raises:
        InputError: such runs, with the reason.
    """
    one, two = first.run.objective, other.run.objective
    kinds = [[(t.name, t.word(), t.labels, t.width) for t in o.targets] + [o.of] for o in (one, two)]
    if kinds[0] != kinds[1]:
        said = [f"{listed(list(o.names))} of {o.of} ({o.kind})" for o in (one, two)]
        raise InputError(
            f"runs must predict the same targets with the same classes to be compared; {first.name} predicts {said[0]} "
            f"and {other.name} {said[1]}."
        )
    own, others = (set(run.table["set_id"].to_pylist()) for run in (first, other))
    if own != others:
        raise InputError(
            f"runs must be measured on the same sets to be compared; of {len(own):,} held-out sets of {first.name} and "
            f"{len(others):,} of {other.name}, {len(own & others):,} are the same. Fit both with the same sets and "
            "--seed, or with a column `split` in the table of sets."
        )
    truths = truth_in(first.table, one), truth_in(other.table, two)
    if len(truths[0]) != len(truths[1]) or not np.allclose(*truths, equal_nan=True):
        raise InputError(
            f"runs must be measured against the same values to be compared; those of {first.name} and {other.name} "
            "differ on the same sets. Fit both to the same table of sets."
        )


def _clusters(found: Sequence[_Measured]) -> np.ndarray:
    """Return the group of each row by the first run that knows groups, else the sets."""
    for one in found:
        name = one.run.record.group or "group"
        if name in one.table.column_names and name not in one.run.objective.names:
            return np.array(one.table[name].to_pylist()).astype(str)
    return np.array(found[0].table["set_id"].to_pylist())


def _notes(found: Sequence[_Measured]) -> tuple[str, ...]:
    notes = []
    folds = {one.run.record.folds for one in found}
    if len(folds) > 1:
        notes.append("Some runs were measured in folds and some on a part held out: they learned from other sets.")
    trained = {frozenset(one.run.record.split.known) for one in found}
    if len(folds) == 1 and len(trained) > 1:
        notes.append("The runs were fitted to different sets, which is a part of how they differ.")
    if len({one.run.record.fingerprint for one in found}) > 1:
        notes.append("The elements or features that the runs were fitted to differ.")
    if len(found) > 2:
        notes.append(
            f"{len(found) - 1} runs are compared with the first, each by itself: the best of several looks better than "
            "it is."
        )
    return tuple(notes)
