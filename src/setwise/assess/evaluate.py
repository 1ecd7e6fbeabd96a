"""Evaluate a run on sets whose targets are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise.assess.assess import assess
from setwise.readers.reading import Reading
from setwise.runs.computing import Computing
from setwise.runs.predict import read_for
from setwise.runs.predict_elements import check_whole_sets
from setwise.runs.run import Run
from setwise.targets.truth import element_truth, target_values


@dataclass(frozen=True)
class Evaluation:
    """A run measured on sets.

    Attributes:
        metrics: in the targets' units (`setwise.targets.metrics.score`).
        intervals: of the metrics that have one, 95%, over the groups that the run knows where the sets have that
            column, else over sets.
        predictions: a row per set: ``set_id``, ``size``, the targets, the prediction columns; of a run that predicts
            elements a row per element, with ``element``, its place in the set.
        known_sets: how many sets carry the name of a set that the run was fitted or stopped on: where these are the
            same sets, the metrics flatter.
        num_sets: how many sets there are.
        notes: what these sets cannot tell, a sentence each.
    """

    metrics: dict[str, float]
    predictions: pa.Table
    known_sets: int
    num_sets: int
    notes: tuple[str, ...] = ()
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def evaluate(
    run: Run | str | Path,
    source: Any,
    *,
    sets: Any = None,
    set_id: str | None = None,
    features: Sequence[str] | None = None,
    reading: Reading | None = None,
    progress: bool | None = None,
    **computing: Any,
) -> Evaluation:
    """Predict sets and compare with their targets; arguments as for `setwise.runs.predict`.

    Raises:
        InputError: as for `setwise.runs.predict`; a target that is missing, or a class that the run does not know.
    """
    run = run if isinstance(run, Run) else Run.load(run)
    objective = run.objective
    of_elements = objective.of == "elements"
    labels = objective.names if of_elements else ()
    store = read_for(
        run, source, sets=sets, set_id=set_id, features=features, reading=reading, labels=labels, measured=True
    )
    fitted_on = run.record.split.known
    known = sum(name in fitted_on for name in store.set_ids)
    how = Computing(**computing, progress=progress)
    if of_elements:
        check_whole_sets(how.max_elements)
    values = element_truth(store, objective) if of_elements else target_values(store, objective)
    found = assess(run, store, values, np.arange(len(store)), how)
    row = found.rows[0]
    return Evaluation(row.metrics, found.predictions, known, len(store), found.notes, row.intervals)
