"""Targets of the sets of a store: which kind of prediction they ask for, and their values."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, check_choice
from setwise.data import columns
from setwise.data.kinds import is_number, not_numbers
from setwise.data.store import SetStore
from setwise.training.objectives import Classification, Regression

Task = Literal["regression", "classification"]


def choose_task(store: SetStore, targets: Sequence[str], task: str | None = None) -> Task:
    """What kind of prediction columns of the per-set table ask for.

    Text, truth values and numbers with just two different values ask for classes; other numbers, and several targets,
    for regression. ``task`` overrules it.

    Raises:
        InputError: no such column, no target, one that is a feature as well, or several targets to classify.
    """
    if not targets:
        raise InputError("there must be a target: name a column of the per-set table.")
    columns.check_targets(store, targets)
    if task is not None:
        check_choice("task", task, ("regression", "classification"))
    if len(targets) > 1:
        if task == "classification":
            raise InputError(f"classification takes one target; got {', '.join(targets)}. Fit one model for each.")
        return "regression"
    if task is not None:
        return "regression" if task == "regression" else "classification"
    column = columns.column(store, targets[0])
    if not is_number(column.type) or pa.types.is_boolean(column.type):
        _check_classes(store, targets[0])
        return "classification"
    return "classification" if len(column.drop_null().unique()) == 2 else "regression"


def _check_classes(store: SetStore, name: str) -> None:
    """Refuse text that is hardly a class: numbers with units or decimal commas, names, dates."""
    known = [
        (label, set_id) for label, set_id in zip(columns.labels(store, name, []), store.set_ids, strict=True) if label
    ]
    different = {label for label, _ in known}
    if len(different) > max(2, len(known) // 2):
        texts = pa.array([label for label, _ in known])
        odd = not_numbers(texts, missing=()).to_pylist()
        label, set_id = known[odd.index(True) if True in odd else 0]
        raise InputError(
            f"target {name!r} is text with {len(different)} different values for {len(known)} sets, too many for "
            f"classes; that of set {set_id!r} is {label!r}. Write numbers as numbers (1.5, no unit), or say that "
            "these are classes (task='classification', --task classification)."
        )


def target_values(store: SetStore, targets: Sequence[str], task: Task, rows: np.ndarray | None = None) -> np.ndarray:
    """Values of the targets of some sets: ``(B, T)`` float64 for regression, ``(B,)`` text for classification.

    Args:
        store: the sets.
        targets: columns of the per-set table.
        task: regression or classification.
        rows: which sets; all where none are given. All of them must have a value.

    Raises:
        InputError: no such column, a missing value, or text where numbers are needed.
    """
    rows = np.arange(len(store)) if rows is None else rows
    if task == "regression":
        return columns.targets(store, list(targets), rows)[rows]
    return np.asarray(columns.labels(store, targets[0], rows), dtype=object)[rows].astype(str)


def truth_columns(objective: Regression | Classification, values: np.ndarray) -> dict[str, np.ndarray]:
    """The targets as columns of a table, beside the prediction columns."""
    if isinstance(objective, Regression):
        return {name: values[:, i] for i, name in enumerate(objective.targets)}
    return {objective.target: values}
