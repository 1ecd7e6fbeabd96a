"""Read columns of the table of sets by name: targets, classes, covariates, groups, the given split."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.store.ids import number_text
from setwise.store.kinds import WITH_POINTS, comma_number, is_number, is_text, to_float64
from setwise.store.store import SetStore
from setwise.store.tables import MISSING_TEXTS, listed

TARGET_IS_FEATURE = (
    "target {name!r} is a feature of the elements as well, so that the model would be told the answer. "
    "Name the features without it (--features), or rename the column of the elements if it is something else."
)


def column(store: SetStore, name: str) -> pa.Array:
    """Return one column of the table of sets ``(B,)``.

    Raises:
        InputError: no such column.
    """
    if name not in store.sets.column_names:
        if name in store.left_out:
            first = store.description.changes.get(name)
            changes = (
                "" if first is None else f" As a column of the sets, it changes within one (the first: {first!r})."
            )
            raise InputError(f"column {name!r} was left out: {store.left_out[name]}.{changes}")
        if name in store.features and (first := _first_change(store, store.features.index(name))) is not None:
            raise InputError(
                f"column {name!r} changes within a set (the first: {first!r}): it is one of the elements. "
                "Predict it of each element (--element-target), or give every set one value."
            )
        raise InputError(
            f"the sets have no column {name!r}; they have {listed(store.sets.column_names)}. "
            "Columns of sets come from the table of sets (--sets)."
        )
    return store.sets[name].combine_chunks()


def _first_change(store: SetStore, feature: int) -> str | None:
    """Return the first set in which a feature has several values; none where it has one in each."""
    if len(store.shape) != 1:
        return None
    for row, name in enumerate(store.set_ids):
        values = store.elements(row)[:, feature]
        if (values != values[0]).any():
            return name
    return None


def numbers(store: SetStore, names: Sequence[str], rows: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
    """Read columns of numbers ``(B, T)`` float64, one row per set of the store.

    Args:
        store: the sets.
        names: columns to take, in this order.
        rows: the sets that must have a value in every column; none for all. Others may have NaN.

    Raises:
        InputError: no such column, one that holds no numbers, or a missing or infinite value.
    """
    if isinstance(names, str) or not names:
        raise InputError(f"names must be a list of at least one column of the sets; got {names!r}.")
    if len(set(names)) < len(names):
        raise InputError(f"columns of the sets must be named once each; got {listed(list(names))}.")
    values = np.empty((len(store), len(names)))
    for position, name in enumerate(names):
        found = column(store, name)
        if not is_number(found.type) and not pa.types.is_null(found.type):
            first = next((str(x) for x in found.to_pylist() if x is not None), "")
            raise InputError(
                f"column {name!r} of the sets must hold numbers; it holds {found.type} ({first!r}). "
                "Write it as numbers (classes are another matter: they may be text)."
            )
        values[:, position] = to_float64(found.cast(pa.float64()) if pa.types.is_null(found.type) else found)
        _check_known(store, name, ~np.isfinite(values[:, position]), rows, what="a finite value")
    return values


def targets(store: SetStore, names: Sequence[str], rows: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
    """Read targets of a regression ``(B, T)`` float64; arguments and errors as for `numbers`."""
    return numbers(store, names, rows)


def labels(store: SetStore, name: str, rows: Sequence[int] | np.ndarray | None = None) -> list[str | None]:
    """Read classes (or groups) of the sets as strings, 1 and 1.0 as "1"; none where missing.

    Args:
        store: the sets.
        name: the column.
        rows: the sets that must have a value; none for all.

    Raises:
        InputError: no such column, a missing value, or values that cannot be names (lists).
    """
    found = column(store, name)
    if pa.types.is_nested(found.type):
        raise InputError(f"column {name!r} of the sets must hold text or numbers; it holds {found.type}.")
    if pa.types.is_floating(found.type):
        numbers = [None if x is None or x != x else float(x) for x in found.to_pylist()]
        texts = [None if x is None else number_text(x) for x in numbers]
    else:
        texts = found.cast(pa.string()).to_pylist()
    _check_known(store, name, np.array([x is None for x in texts]), rows, what="a value (a class or a group)")
    return texts


def groups(store: SetStore, name: str | None = None) -> np.ndarray | None:
    """Read the groups ``(B,)`` that must stay on one side of a split, as strings.

    Args:
        store: the sets.
        name: the column; by default ``group``, and none where there is no such column.

    Raises:
        InputError: no column of the name that was given, or a set without a value.
    """
    if name is None and "group" not in store.sets.column_names:
        return None
    return np.array(labels(store, name or "group"))


def clusters(store: SetStore, group: str | None) -> np.ndarray:
    """Return the clusters ``(B,)`` that sets are drawn by: groups where there is such a column, else the sets."""
    found = groups(store, group) if group is not None and group in store.sets.column_names else None
    return np.arange(len(store)) if found is None else found


def given_split(store: SetStore, name: str = "split") -> np.ndarray | None:
    """Read the split that the sets come with ``(B,)``, as strings; none where the column is not there.

    Raises:
        InputError: a set without a value.
    """
    if name not in store.sets.column_names:
        return None
    return np.array(labels(store, name))


def vector_features(store: SetStore) -> tuple[str, ...]:
    """Return names of the features of the elements; none for elements that are no vectors, whose names are made up."""
    return store.features if len(store.shape) == 1 else ()


def check_targets(store: SetStore, names: Sequence[str]) -> None:
    """Refuse targets that are named twice, or that the elements carry themselves.

    Raises:
        InputError: such a target.
    """
    for name in names:
        if list(names).count(name) > 1:
            raise InputError(f"targets must be different columns; {name!r} is named twice. Name each once.")
        if name in vector_features(store):
            raise InputError(TARGET_IS_FEATURE.format(name=name))


def check_varies(values: np.ndarray | Sequence[str | None], name: str) -> None:
    """Refuse a target that is the same for all sets it is given for, and a single set.

    Raises:
        InputError: one set, one class, or a constant target.
    """
    if len(values) < 2:
        raise InputError(f"training needs at least two sets with a target; got {len(values)}.")
    kinds = np.unique(np.asarray(values).astype(str) if not isinstance(values, np.ndarray) else values)
    if len(kinds) < 2:
        raise InputError(
            f"target {name!r} must differ between sets; it is {str(kinds[0])!r} for all {len(values)} sets. "
            "There is nothing to learn from it."
        )


def decimal_commas(store: SetStore, name: str) -> str | None:
    """Say what is wrong with a column of text that is numbers with decimal commas, which would be categories."""
    values = column(store, name)
    example = comma_number(values, missing=MISSING_TEXTS) if is_text(values.type) else None
    if example is None:
        return None
    return f"column {name!r} of the sets must hold numbers with decimal points; it holds {example!r}. {WITH_POINTS}."


def check_no_commas(store: SetStore, name: str) -> None:
    """Refuse a column of text that is numbers with decimal commas.

    Raises:
        InputError: such a column.
    """
    if problem := decimal_commas(store, name):
        raise InputError(problem)


def _check_known(
    store: SetStore, name: str, missing: np.ndarray, rows: Sequence[int] | np.ndarray | None, *, what: str
) -> None:
    chosen = np.arange(len(store)) if rows is None else np.asarray(rows, np.int64)
    lacking = chosen[missing[chosen]]
    if lacking.size:
        names = listed([repr(store.set_ids[row]) for row in lacking], 5)
        raise InputError(
            f"column {name!r} of the sets must have {what} for every set; {lacking.size} of {chosen.size} "
            f"have none: {names}. Fill it in, or drop these sets (of targets: --drop-unlabelled)."
        )
