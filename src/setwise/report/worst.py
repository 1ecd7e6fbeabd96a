"""List the held-out sets that are predicted worst, by name."""

import numpy as np
import pyarrow as pa

from setwise.report.rounding import number
from setwise.report.table import Table, table
from setwise.runs.held_out_table import predicted_in
from setwise.targets.objectives import Objective
from setwise.targets.target import Target

_SHOWN = 8
_FEWEST = 3  # sets from which on some are worst


def worst_sets(objective: Objective, predictions: pa.Table, *, most: int = 4) -> list[Table]:
    """Return a table for each of the first targets, its worst predicted sets first; none of few sets.

    Args:
        objective: what is predicted.
        predictions: a row per held-out set, or per element of such sets, with ``set_id``, ``size`` and all columns.
        most: targets that are shown.
    """
    found = []
    for target, predicted in objective.parts(predicted_in(predictions, objective)):
        made = (_of_elements if objective.of == "elements" else _of_sets)(target, predicted, predictions)
        found += [] if made is None else [made]
        if len(found) == most:
            break
    return found


def _of_sets(target: Target, predicted: np.ndarray, predictions: pa.Table) -> Table | None:
    truth = target.truth_in(predictions)
    known = np.flatnonzero(~np.isnan(truth))
    if len(known) < _FEWEST:
        return None
    misfits = target.misfits(predicted[known], truth[known])
    order = np.argsort(-misfits, kind="stable")[:_SHOWN]
    shown = next(
        name for name in (f"predicted_{target.name}", f"risk_{target.name}") if name in predictions.column_names
    )
    columns = [name for name in (target.name, target.event_column, shown) if name is not None]
    cells = {name: predictions[name].to_pylist() for name in ("set_id", "size", *columns)}
    rows = [
        [*(_text(cells[name][row]) for name in ("set_id", "size", *columns)), number(float(misfits[place]))]
        for place, row in zip(order, known[order], strict=True)
    ]
    head = ["set", "elements", f"true {target.name}", *columns[1:-1], shown.replace("_", " ", 1), target.misfit_words]
    return table(head, rows, caption=_caption(target, len(known), "sets", float(np.median(misfits))))


def _of_elements(target: Target, predicted: np.ndarray, predictions: pa.Table) -> Table | None:
    truth = target.truth_in(predictions)
    known = ~np.isnan(truth)
    names, owners = np.unique(
        predictions["set_id"].to_numpy(zero_copy_only=False)[known].astype(str), return_inverse=True
    )
    if len(names) < _FEWEST:
        return None
    misfits, counts = target.misfits(predicted[known], truth[known]), np.bincount(owners)
    means = np.bincount(owners, misfits) / counts
    sizes = dict(zip(predictions["set_id"].to_pylist(), predictions["size"].to_pylist(), strict=True))
    rows = [
        [names[row], number(sizes[names[row]]), number(int(counts[row])), number(float(means[row]))]
        for row in np.argsort(-means, kind="stable")[:_SHOWN]
    ]
    head = ["set", "elements", "measured", f"{target.misfit_words}, mean over its elements"]
    return table(head, rows, caption=_caption(target, len(names), "sets, by their elements", float(np.median(means))))


def _caption(target: Target, count: int, what: str, middle: float) -> str:
    shown = min(_SHOWN, count)
    return f"{target.name}: the worst {shown} of {count:,} held-out {what}; in the middle it is {number(middle)}."


def _text(value: object) -> str:
    """Return a value as a cell."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value)
