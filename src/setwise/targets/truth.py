"""Read what predictions are compared with, of sets and of their elements, and write it into tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.objectives import Objective
from setwise.targets.target import Target
from setwise.targets.values import is_known


def target_values(
    store: SetStore,
    kinds: Mapping[str, type[Target]] | Objective,
    rows: Sequence[int] | np.ndarray | None = None,
    *,
    events: Mapping[str, str] | None = None,
    transforms: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Return values of the targets of some sets ``(B, T)``, numbers and labels, None or NaN where missing.

    Args:
        store: the sets.
        kinds: what is predicted: an objective, or columns of the per-set table with their kinds.
        rows: which sets; all where none are given. One target must be known for each of them; of several, one at least.
        events: by target, the column of its events (`setwise.targets.choose.events_of`).
        transforms: by target, what is done to its values before they are learned, which must be possible.

    Raises:
        InputError: no such column, a set without a target, or text where numbers are needed.
    """
    if isinstance(kinds, Objective):
        events = {target.name: target.event_column for target in kinds.targets if target.event_column is not None}
        transforms = {target.name: word for target in kinds.targets if (word := target.transform_word) is not None}
        kinds = {target.name: type(target) for target in kinds.targets}
    rows = np.arange(len(store)) if rows is None else np.asarray(rows, np.int64)
    asked = rows if len(kinds) == 1 else np.zeros(0, np.int64)
    table = np.empty((len(store), len(kinds)), dtype=object)
    for position, (name, kind) in enumerate(kinds.items()):
        values = kind.read(store, name, asked, (events or {}).get(name))
        if transforms and name in transforms:
            kind.check_transform(transforms[name], name, values, lambda place: store.set_ids[place])
        table[:, position] = values
    without = [row for row in rows if not any(is_known(value) for value in table[row])]
    if without:
        names = listed([repr(store.set_ids[row]) for row in without], 5)
        raise InputError(
            f"every set must have one target at least; {len(without)} of {len(rows)} have none of "
            f"{listed(list(kinds))}: {names}. Fill them in, or drop these sets."
        )
    return table[rows]


def truth_columns(objective: Objective, values: np.ndarray) -> dict[str, pa.Array]:
    """Return values ``(B, T)`` of the targets of sets as columns of a table, beside the prediction columns."""
    found: dict[str, pa.Array] = {}
    for i, target in enumerate(objective.targets):
        found |= target.value_columns(target.name, values[:, i], target.event_column)
    return found


def element_truth(store: SetStore, objective: Objective) -> np.ndarray:
    """Return labels of all elements ``(N, T)`` as predictions are compared with them.

    Raises:
        InputError: no such labels, a class that the objective does not know, no label at all, marks that do not fit.
    """
    truth = np.empty((store.num_elements, len(objective.targets)))
    for position, target in enumerate(objective.targets):
        truth[:, position] = target.element_truth(store)
        if np.isnan(truth[:, position]).all():
            raise InputError(f"label {target.name!r} must be known for some elements; it is missing for all of them.")
    return truth


def element_columns(objective: Objective, truth: np.ndarray) -> dict[str, pa.Array]:
    """Return truth ``(N, T)`` of elements as columns of a table: numbers, names of classes, 1 and 0 of marks."""
    return {target.name: target.element_column(truth[:, i]) for i, target in enumerate(objective.targets)}
