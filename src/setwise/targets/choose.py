"""Targets of the sets of a store: which kind of prediction they ask for, and their values."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, check_choice
from setwise.store import columns
from setwise.store.kinds import is_number, is_text, not_numbers
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.heads import is_known
from setwise.targets.objectives import Objective

Kind = Literal["regression", "classification", "ordinal"]
KINDS: tuple[Kind, ...] = ("regression", "classification", "ordinal")


def choose_kinds(
    store: SetStore, targets: Sequence[str], task: str | Mapping[str, str] | None = None
) -> dict[str, Kind]:
    """What kind of prediction each column of the per-set table asks for.

    Text, truth values and numbers with just two different values ask for classes; other numbers for regression.
    ``task`` overrules it: a kind for all targets, or kinds of some of them by name.

    Raises:
        InputError: no such column, no target, one that is a feature as well, a kind or a target that is unknown, text
            that is hardly a class.
    """
    if not targets:
        raise InputError("there must be a target: name a column of the per-set table.")
    columns.check_targets(store, targets)
    said = dict.fromkeys(targets, task) if isinstance(task, str) else dict(task or {})
    for name, kind in said.items():
        if name not in targets:
            raise InputError(f"task must be said of targets, {listed(list(targets))}; got {name!r}.")
        if kind is not None:
            check_choice(f"the task of {name!r}" if len(targets) > 1 else "task", kind, KINDS)
    return {name: _chosen(said.get(name)) or _found(store, name) for name in targets}


def _chosen(kind: str | None) -> Kind | None:
    return next((known for known in KINDS if known == kind), None)


def _found(store: SetStore, name: str) -> Kind:
    column = columns.column(store, name)
    if not is_number(column.type) or pa.types.is_boolean(column.type):
        columns.check_no_commas(store, name)
        if not pa.types.is_null(column.type):
            _check_classes(store, name)
        return "classification"
    return "classification" if len(column.drop_null().unique()) == 2 else "regression"


def _check_classes(store: SetStore, name: str) -> None:
    """Refuse text that is hardly a class: numbers, numbers with units or decimal commas, names, dates."""
    known = [
        (label, set_id) for label, set_id in zip(columns.labels(store, name, []), store.set_ids, strict=True) if label
    ]
    different = {label for label, _ in known}
    if len(different) <= 2:
        return
    odd = not_numbers(pa.array([label for label, _ in known]), missing=()).to_pylist()
    label, set_id = known[odd.index(True) if True in odd else 0]
    if len(different) > max(2, len(known) // 2):
        raise InputError(
            f"target {name!r} is text with {len(different)} different values for {len(known)} sets, too many for "
            f"classes; that of set {set_id!r} is {label!r}. Write numbers as numbers (1.5, no unit), or say that "
            f"these are classes (task='classification', --task {name}=classification)."
        )
    if sum(odd) < len(odd) / 2:
        but = f" but {sum(odd)}, such as {label!r} of set {set_id!r}" if any(odd) else ""
        raise InputError(
            f"target {name!r} is text that looks like numbers in all sets{but}. Say whether these are numbers or "
            f"classes (task='regression' or 'classification', --task {name}=regression), and mend what is neither."
        )


def target_values(
    store: SetStore, kinds: Mapping[str, Kind] | Objective, rows: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Values of the targets of some sets: ``(B, T)`` of numbers (float) and labels (text), None or NaN where missing.

    Args:
        store: the sets.
        kinds: what is predicted: an objective, or columns of the per-set table with their kinds.
        rows: which sets; all where none are given. One target must be known for each of them; of several, one at least.

    Raises:
        InputError: no such column, a set without a target, or text where numbers are needed.
    """
    if isinstance(kinds, Objective):
        kinds = {head.target: head.kind for head in kinds.heads if head.kind != "which-element"}
    rows = np.arange(len(store)) if rows is None else np.asarray(rows, np.int64)
    asked = rows if len(kinds) == 1 else np.zeros(0, np.int64)
    table = np.empty((len(store), len(kinds)), dtype=object)
    for position, (name, kind) in enumerate(kinds.items()):
        table[:, position] = (
            _numbers(store, name, asked) if kind == "regression" else columns.labels(store, name, asked)
        )
    without = [row for row in rows if not any(is_known(value) for value in table[row])]
    if without:
        names = listed([repr(store.set_ids[row]) for row in without], 5)
        raise InputError(
            f"every set must have one target at least; {len(without)} of {len(rows)} have none of "
            f"{listed(list(kinds))}: {names}. Fill them in, or drop these sets."
        )
    return table[rows]


def _numbers(store: SetStore, name: str, rows: np.ndarray) -> np.ndarray:
    """A target of numbers ``(B,)``, NaN where missing; text that is numbers is taken for them."""
    column = columns.column(store, name)
    if is_text(column.type):
        texts = pa.array([text or None for text in column.cast(pa.string()).to_pylist()], pa.string())
        odd = not_numbers(texts, missing=()).to_pylist()
        if True in odd:
            row = odd.index(True)
            raise InputError(
                f"target {name!r} must hold numbers; that of set {store.set_ids[row]!r} is {texts[row].as_py()!r}. "
                "Write it as numbers (1.5, no unit), or leave it empty where nothing is known."
            )
        numbers = np.array([np.nan if text is None else float(text) for text in texts.to_pylist()])
        store = store.with_sets(pa.table({"set_id": store.set_ids, name: numbers}))
    values = columns.targets(store, [name], rows)[:, 0]
    if np.isinf(values).any():
        columns.targets(store, [name], np.flatnonzero(np.isinf(values)))  # says which
    return values


def truth_columns(objective: Objective, values: np.ndarray) -> dict[str, Any]:
    """The targets ``(B, T)`` as columns of a table, beside the prediction columns."""
    return {name: pa.array(values[:, i].tolist(), from_pandas=True) for i, name in enumerate(objective.targets)}
