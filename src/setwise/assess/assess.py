"""Assess a run on sets whose truth is known: metrics, predictions beside the truth, what these sets cannot tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from setwise.assess.drawn_elements import kept_elements
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_predictions
from setwise.runs.element_table import element_table
from setwise.runs.held_out import HeldOut, measured, scored
from setwise.runs.outputs import predictions_of
from setwise.runs.record import TestRow
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.targets.metrics import undefined
from setwise.targets.truth import element_columns, truth_columns

Rivals = Callable[[np.ndarray], Mapping[str, np.ndarray]]  # from places of elements that are measured to predictions


@dataclass(frozen=True, eq=False)
class Assessment:
    """A run measured on sets.

    Attributes:
        rows: metrics of the run, then of each rival.
        predictions: a row per set: ``set_id``, ``size``, the targets, the prediction columns; of a run that predicts
            elements a row per measured element, with ``element``, its place in the set.
        notes: what these sets cannot tell, a sentence each.
        held_out: the predictions that were measured.
    """

    rows: tuple[TestRow, ...]
    predictions: pa.Table
    notes: tuple[str, ...]
    held_out: HeldOut


@dataclass(frozen=True, eq=False)
class _Sample:
    """Hold what is measured of some sets: they themselves, or elements of theirs.

    Attributes:
        truth: ``(n, T)``.
        predicted: ``(n, P)``.
        table: the names of the n rows and their truth.
        sizes: ``(B,)`` measured elements of each set, or none where sets are measured.
        positions: ``(n,)`` where the measured elements lie in the store; of sets, their rows.
    """

    truth: np.ndarray
    predicted: np.ndarray
    table: pa.Table
    sizes: np.ndarray | None
    positions: np.ndarray


def assess(
    run: Run,
    store: SetStore,
    values: np.ndarray,
    rows: np.ndarray,
    how: Computing,
    *,
    places: np.ndarray | None = None,
    rivals: Rivals | None = None,
    intervals: bool = True,
    which: str = "",
) -> Assessment:
    """Predict sets, or their elements, and compare with the truth.

    Args:
        run: a fitted model.
        store: the sets.
        values: ``(B, T)`` targets of all sets of the store, or truth ``(N, T)`` of all their elements.
        rows: of the sets that are measured.
        how: device, batches, memory; its seed is that of all draws.
        places: which elements of the store are measured, where they are of these sets; by default at most
            `setwise.assess.drawn_elements.MOST`. Of a run that predicts elements alone.
        rivals: predicts the same, from the positions of what is measured.
        intervals: of the metrics, over the groups that the run knows where the sets have that column, else over sets.
        which: an adjective for the sets in the notes, with a blank after it.

    Raises:
        InputError: a prediction that is not a finite number.
    """
    objective, conformal = run.objective, run.record.conformal
    clusters = columns.clusters(store, run.record.group)[rows]
    if objective.of == "elements":
        sample = _elements(run, store, values, rows, how, places)
    else:
        sample = _sets(run, store, values, rows, how)
    predicted = {run.record.model: sample.predicted}
    if rivals is not None:
        predicted |= rivals(sample.positions)
    held_out = HeldOut(
        objective, sample.truth, {name: [own] for name, own in predicted.items()}, clusters, sample.sizes
    )
    notes = undefined(objective, sample.truth, what=f"{which}{objective.of}")
    if sample.sizes is not None and sample.sizes.sum() < store.sizes[rows].sum():
        notes.append(
            f"Measured on {sample.sizes.sum():,} of {store.sizes[rows].sum():,} {which}elements, drawn evenly from the "
            "sets; each was predicted with its whole set."
        )
    more = objective.columns(sample.predicted, sample.sizes)
    if conformal is not None:
        owners = None if run.record.group is None else clusters
        owners = owners if sample.sizes is None else np.repeat(clusters, sample.sizes)
        notes += conformal.sentences(objective, sample.predicted, sample.truth, what=f"{which}sets", owners=owners)
        more |= conformal.columns(objective, sample.predicted)
    table = sample.table
    for name, column in more.items():
        table = table.append_column(name, pa.array(column))
    of_rows = measured(held_out, seed=how.seed).rows if intervals else scored(held_out)
    return Assessment(of_rows, table, tuple(notes), held_out)


def _sets(run: Run, store: SetStore, values: np.ndarray, rows: np.ndarray, how: Computing) -> _Sample:
    named = {"set_id": [store.set_ids[row] for row in rows], "size": store.sizes[rows]}
    table = pa.table(named | truth_columns(run.objective, values[rows]))
    return _Sample(run.objective.truth(values[rows]), predictions_of(run, store, rows, how), table, None, rows)


def _elements(
    run: Run, store: SetStore, values: np.ndarray, rows: np.ndarray, how: Computing, places: np.ndarray | None
) -> _Sample:
    objective, positions = run.objective, store.positions(rows)
    if places is None:
        whole = objective.whole_sets
        sizes, kept = kept_elements(store, rows, whole=whole, labels=objective.names, seed=how.seed)
    else:
        inside = np.isin(positions, places)
        kept = np.flatnonzero(inside)
        sizes = np.add.reduceat(inside, store.sizes[rows].cumsum() - store.sizes[rows], dtype=np.int64)
    predicted, positions = element_predictions(run, store, rows, how)[kept], positions[kept]
    truth = values[positions]
    table = element_table(store, rows, sizes, positions, element_columns(objective, truth))
    return _Sample(truth, predicted, table, sizes, positions)
