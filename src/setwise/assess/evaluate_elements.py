"""Evaluate a run on elements whose labels are known."""

import numpy as np
import pyarrow as pa

from setwise.assess.measure_elements import kept_elements
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_predictions
from setwise.runs.element_table import element_table
from setwise.runs.held_out import HeldOut, measured
from setwise.runs.record import TestRow
from setwise.runs.run import Run
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.targets.metrics import undefined
from setwise.targets.truth import element_columns, element_truth


def measured_elements(run: Run, store: SetStore, how: Computing) -> tuple[TestRow, pa.Table, tuple[str, ...]]:
    """Return metrics with intervals over groups or sets, a table with a row per measured element, and remarks.

    Args:
        run: a fitted model of elements.
        store: sets whose elements have the labels.
        how: device, batches, memory; its seed is that of the draws.

    Raises:
        InputError: as for `setwise.runs.predict`; labels that are missing, or a class that the run does not know.
    """
    objective, rows = run.objective, np.arange(len(store))
    truth = element_truth(store, objective)
    sizes, kept = kept_elements(store, rows, whole=objective.whole_sets, labels=objective.names, seed=how.seed)
    predicted = element_predictions(run, store, rows, how)
    named = objective.columns(predicted, store.sizes)
    positions = store.positions(rows)[kept]
    clusters = columns.clusters(store, run.record.group)
    held_out = HeldOut(objective, truth[kept], {run.record.model: [predicted[kept]]}, clusters, sizes)
    notes = tuple(undefined(objective, truth[kept], what="elements"))
    if len(kept) < store.num_elements:
        notes += (f"Measured on {len(kept):,} of {store.num_elements:,} elements, drawn evenly from the sets.",)
    more = element_columns(objective, truth[kept]) | {name: pa.array(values[kept]) for name, values in named.items()}
    if run.record.conformal is not None:
        notes += tuple(
            run.record.conformal.sentences(
                objective, predicted[kept], truth[kept], what="these sets", owners=np.repeat(clusters, sizes)
            )
        )
        more |= run.record.conformal.columns(objective, predicted[kept])
    table = element_table(store, rows, sizes, positions, more)
    return measured(held_out, seed=how.seed).rows[0], table, notes
