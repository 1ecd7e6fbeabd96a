"""Say what remains of a model's skill within the values of a column that goes along with the target."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.runs.held_out_table import predicted_in
from setwise.store.columns import labels, numbers
from setwise.store.kinds import is_number
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective
from setwise.targets.target import Target

_MOST_SETS, _FEWEST_PAIRS = 2_000, 20
_PARTS = 4  # of a column of many numbers


def within_sentences(
    store: SetStore, objective: Objective, predictions: pa.Table, suspects: Sequence[tuple[str, str]]
) -> list[str]:
    """Return a sentence for each column and target whose values hold enough pairs of held-out sets.

    Of two sets with different truth, a model with skill gives the higher prediction to the higher truth (the higher
    risk to the earlier event); only pairs with the same value of the column are counted, where it cannot help.

    Args:
        store: the sets.
        objective: what is predicted, of sets.
        predictions: for held-out sets, with the truth.
        suspects: columns and the targets that they go along with.
    """
    row_of = {name: row for row, name in enumerate(store.set_ids)}
    step = -(-predictions.num_rows // _MOST_SETS)
    kept = predictions.take(np.arange(0, predictions.num_rows, step))
    rows = np.array([row_of[name] for name in kept["set_id"].to_pylist()])
    said = []
    for target, predicted in objective.parts(predicted_in(kept, objective)):
        ranked = target.ranked(predicted)
        for column in [name for name, of in suspects if of == target.name]:
            values = _values(store, column)
            if ranked is None or values is None:
                continue
            said += _sentence(target, column, ranked, target.truth_in(kept), values[rows])
    return said


def _sentence(target: Target, column: str, ranked: np.ndarray, truth: np.ndarray, values: np.ndarray) -> list[str]:
    earlier = target.pairs(truth)  # of rows, the first of which should have the higher prediction
    right = (ranked[:, None] > ranked) + 0.5 * (ranked[:, None] == ranked)
    same = earlier & (values[:, None] == values)
    count = int(same.sum())
    if count < _FEWEST_PAIRS:
        return [
            f"How much of the skill for {target.name} remains within the values of {column} cannot be said: there are "
            f"{count} pairs of held-out sets that share one and differ in the truth."
        ]
    inside, whole = float(right[same].mean()), float(right[earlier].mean())
    text = (
        f"Of two held-out sets with one value of {column} the model orders {inside:.0%} rightly by {target.name} "
        f"({count:,} pairs), of any two {whole:.0%}; 50% is chance."
    )
    if inside < 0.5 + 0.5 * (whole - 0.5):
        text += f" More than half of its skill goes with {column}."
    return [text]


def _values(store: SetStore, column: str) -> np.ndarray | None:
    """Return the values of a column as text ``(B,)``, missing ones their own; quarters of many numbers."""
    if column not in store.sets.column_names:
        return None
    try:
        found = labels(store, column, rows=[])
        if is_number(store.sets[column].type) and len(set(found)) > 2 * _PARTS:
            read = numbers(store, [column], [])[:, 0]
            edges = np.nanquantile(read, np.linspace(0, 1, _PARTS + 1)[1:-1])
            found = [None if np.isnan(value) else str(int(np.searchsorted(edges, value))) for value in read]
    except InputError:
        return None
    return np.array([f"missing {row}" if value is None else f"value {value}" for row, value in enumerate(found)])
