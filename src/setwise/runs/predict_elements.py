"""Predict the elements of new sets by a run, some sets at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_outputs, finite
from setwise.runs.element_table import element_table
from setwise.runs.ensemble import spread_columns
from setwise.runs.run import Run
from setwise.store.store import SetStore


def check_whole_sets(max_elements: int | None) -> None:
    """Refuse sub-samples where every element is to be predicted.

    Raises:
        InputError: ``max_elements`` is given.
    """
    if max_elements is not None:
        raise InputError(
            "this run predicts every element, so sets cannot be sub-sampled (max_elements, --max-elements). Leave it "
            "out: large sets are streamed, within --memory-limit."
        )


def element_tables(run: Run, store: SetStore, how: Computing, *, spread: bool = False) -> Iterator[pa.Table]:
    """Yield predictions for all elements of a store, some sets at a time, in order; none are drawn.

    Yields tables with a row per element: ``set_id``, ``element`` (its place in the set, from 0), the predictions; of
    which element is meant ``predicted_<target>``, 1 for the most probable one of each set, and its probability.

    Raises:
        InputError: as for `predict`.
    """
    for rows, outputs in element_outputs(run, store, np.arange(len(store)), how):
        predicted = finite(run, store, rows, outputs)
        columns: dict[str, Any] = dict(run.objective.columns(predicted, store.sizes[rows]))
        if run.record.conformal is not None:
            columns |= run.record.conformal.columns(run.objective, predicted)
        if spread:
            columns |= spread_columns(run.objective, outputs)
        yield element_table(store, rows, store.sizes[rows], store.positions(rows), columns).drop_columns("size")
