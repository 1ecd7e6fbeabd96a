"""Measure a run on the elements of its test sets, beside baselines."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise.assess.element_baselines import element_baselines
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_predictions
from setwise.runs.element_table import element_table
from setwise.runs.held_out import HeldOut, measured, scored
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.labels import labelled
from setwise.store.store import SetStore
from setwise.targets.metrics import undefined
from setwise.targets.problem import Problem
from setwise.targets.truth import element_columns

MOST = 100_000  # elements that metrics are computed on; of more, as many are drawn evenly from the sets


def measure_elements(
    run: Run, problem: Problem, *, baselines: bool = True, intervals: bool = True, places: np.ndarray | None = None
) -> Run:
    """Return the run with its table of test results; unchanged without test sets. Arguments as for `measure`, and

    Args:
        places: which elements of the store are measured, where they are of test sets; by default at most `MOST`.
    """
    store, split, truth = problem.store, problem.split, problem.values
    if len(split.test) == 0:
        return run
    record, objective = run.record, run.objective
    positions = store.positions(split.test)
    if places is None:
        whole = objective.whole_sets
        sizes, kept = kept_elements(store, split.test, whole=whole, labels=objective.names, seed=record.config.seed)
    else:
        inside = np.isin(positions, places)
        kept = np.flatnonzero(inside)
        sizes = np.add.reduceat(inside, store.sizes[split.test].cumsum() - store.sizes[split.test], dtype=np.int64)
    positions = positions[kept]
    predicted = element_predictions(run, store, split.test, Computing(device=record.config.device))[kept]
    all_predicted = {record.model: predicted}
    if baselines:
        covariates = None if record.covariates is None else record.covariates.apply(store).astype(np.float64)
        all_predicted |= element_baselines(
            objective,
            store,
            truth,
            fitted_on=np.concatenate([split.train, split.validation]),
            tested=split.test,
            positions=positions,
            covariates=covariates,
            weights=problem.weights,
            seed=record.config.seed,
        )
    clusters = columns.clusters(store, problem.group)[split.test]
    held_out = HeldOut(
        objective, truth[positions], {name: [values] for name, values in all_predicted.items()}, clusters, sizes
    )
    rows = measured(held_out, seed=record.config.seed).rows if intervals else scored(held_out)
    notes = (*record.notes, *undefined(objective, truth[positions], what="held-out elements"))
    if sizes.sum() < store.sizes[split.test].sum():
        notes += (
            f"Measured on {sizes.sum():,} of {store.sizes[split.test].sum():,} held-out elements, drawn evenly from "
            "the sets; each was predicted with its whole set.",
        )
    table = element_table(store, split.test, sizes, positions, element_columns(objective, truth[positions]))
    for name, values in objective.columns(predicted).items():
        table = table.append_column(name, pa.array(values))
    if record.conformal is not None:
        owners = np.repeat(clusters, sizes)
        said = record.conformal.sentences(
            objective, predicted, truth[positions], what="the held-out sets", owners=owners
        )
        notes += tuple(said)
        for name, column in record.conformal.columns(objective, predicted).items():
            table = table.append_column(name, column)
    record = record.model_copy(update={"test": rows, "notes": notes})
    return replace(run, record=record, test_predictions=table, held_out=held_out)


def kept_elements(
    store: SetStore, rows: np.ndarray, *, whole: bool, labels: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the elements that are measured: how many of each set ``(B,)``, and their places among these sets'.

    Of many, those that have a label, and one of each set that has none.

    Args:
        store: the sets.
        rows: of those that are measured.
        whole: all elements, however many there are: one of each set is meant.
        labels: what is predicted.
        seed: of the draw.
    """
    sizes = store.sizes[rows]
    if sizes.sum() <= MOST or whole:
        return sizes, np.arange(sizes.sum())
    generator = np.random.default_rng(seed)
    known = np.split(labelled(store, labels)[store.positions(rows)], np.cumsum(sizes)[:-1])
    drawn, start = [], 0
    for own in known:
        places = np.flatnonzero(own) if own.any() else np.arange(1)
        count = min(len(places), max(1, MOST // len(rows)))
        drawn.append(start + np.sort(generator.choice(places, count, replace=False)))
        start += len(own)
    return np.array([len(places) for places in drawn]), np.concatenate(drawn)
