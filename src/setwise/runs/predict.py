"""Predict new sets by a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.names import has_default_names
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.readers.registry import reader_of
from setwise.runs.computing import Computing
from setwise.runs.ensemble import spread_columns
from setwise.runs.outputs import finite_predictions, outputs_for
from setwise.runs.predict_elements import check_whole_sets, element_tables
from setwise.runs.remembered import read_as
from setwise.runs.run import Run
from setwise.runs.training_range import Placed, columns_of
from setwise.store.store import SetStore


def predict(
    run: Run | str | Path,
    source: Any,
    *,
    sets: Any = None,
    set_id: str | None = None,
    features: Sequence[str] | None = None,
    reading: Reading | None = None,
    spread: bool = False,
    distance: bool = False,
    progress: bool | None = None,
    **computing: Any,
) -> pa.Table:
    """Predict the targets of sets; the sets' table needs no targets.

    Sets that are too large for memory are streamed, a chunk of elements at a time, with the same result.
    Features are found by their names, in whatever order they come; a table may have other columns besides.

    Args:
        run: a run, or the directory of one.
        source: a store, or what `setwise.readers.read` reads.
        sets: the table of sets, where the model takes covariates; a store has its own.
        set_id: the column that names the sets; by default as when the run was fitted.
        features: names for sources whose features have none (arrays, HDF5); by default, as in reading, x0, x1 ...
        reading: how files are read; by default, and in what decides the values always, as when the run was fitted.
        spread: of an ensemble, say how far its members differ (`setwise.runs.ensemble.spread_columns`).
        distance: say how far each set lies from the training sets, and whether outside (`setwise.runs.training_range`).
        progress: show a progress bar for sets that are streamed; by default on a terminal alone.
        computing: device, elements_per_batch, max_elements, seed, workers and memory_limit, as of
            `setwise.runs.computing.Computing`.

    Returns:
        A row per set, in the order of the sets: ``set_id``, and ``predicted_<target>`` for each target; beside a class
        ``probability_<class>`` for each class (``probability_<target>_<class>`` where several targets have classes);
        with ``spread`` a column ``spread_...`` for each number among them. Of a run with a coverage
        ``lower_<target>`` and ``upper_<target>``, or ``classes_<target>``. Of a run that predicts elements a row per
        element, with ``element``, its place in the set, after ``set_id`` (`setwise.runs.predict_elements`, which
        also gives them some sets at a time).

    Raises:
        InputError: ``spread`` of a model alone.
        InputError: features or covariates of the training are missing, or not known; or the run is damaged.
    """
    run = run if isinstance(run, Run) else Run.load(run)
    check_spread(run, spread=spread)
    store = read_for(run, source, sets=sets, set_id=set_id, features=features, reading=reading)
    how = Computing(**computing, progress=progress)
    if run.objective.of == "elements":
        check_whole_sets(how.max_elements)
        if distance:
            raise InputError("distances are of sets, and this run predicts elements. Leave them out (distance=False).")
        return pa.concat_tables(element_tables(run, store, how, spread=spread))
    rows = np.arange(len(store))
    outputs = outputs_for(run, store, rows, how)
    predicted = finite_predictions(run, store, rows, outputs)
    columns: dict[str, Any] = dict(run.objective.columns(predicted))
    if run.record.conformal is not None:
        columns |= run.record.conformal.columns(run.objective, predicted)
    if spread:
        columns |= spread_columns(run.objective, outputs)
    if distance:
        columns |= columns_of(placed(run, store), len(store))
    return pa.table({"set_id": store.set_ids, **columns})


def placed(run: Run, store: SetStore) -> Placed | None:
    """Return how far the sets of a store lie from the training sets of a run; none where the run does not know."""
    record = run.record
    if record.training_range is None or store.shape != record.shape:
        return None
    return record.training_range.place(store, np.arange(len(store)), record.features, run.inputs.order(store))


def check_spread(run: Run, *, spread: bool) -> None:
    """Refuse the spread of a model alone.

    Raises:
        InputError: such a run.
    """
    if spread and len(run.members) == 1:
        raise InputError(
            "the spread is that between the members of an ensemble, and this run has one model. "
            "Fit an ensemble (ensemble=5, --ensemble 5), or leave the spread out."
        )


def read_for(
    run: Run,
    source: Any,
    *,
    sets: Any = None,
    set_id: str | None = None,
    features: Sequence[str] | None = None,
    reading: Reading | None = None,
    labels: Sequence[str] = (),
    measured: bool = False,
) -> SetStore:
    """Read sets for a run: of a table, the columns that the run was trained with, by their names.

    Args:
        run: a run.
        source: a store, or what `setwise.readers.read` reads.
        sets: the table of sets, or none.
        set_id: the column that names the sets; by default as when the run was fitted.
        features: names for sources whose features have none (arrays, HDF5), which are never guessed.
        reading: how files are read; what decides the values is as when the run was fitted, or refused.
        labels: of the elements, to compare predictions with.
        measured: sets are to be compared with their targets, so that those without are left out where reading says so.

    Raises:
        InputError: what was given is at fault; the message says where and what to do.
    """
    done = run.record.processed
    own = done.without_masks(run.features)
    reader = reader_of(source)
    some = bool(reader.options) and has_default_names(own) and own != tuple(f"x{n}" for n in range(len(own)))
    if features is None and (reader.has_names(source) or some):
        features = own
    how = read_as(run, source, sets=sets, set_id=set_id, reading=reading, measured=measured)
    names, sources = run.objective.names, run.objective.sources
    of_sets = measured and run.objective.of == "sets"
    more = {"targets": names, "needed": [name for name in sources if name not in names]} if of_sets else {}
    return read(source, **how, features=features, like=done, labels=labels, **more)
