"""What data frames say beside their numbers: names of columns and of rows, and which values are missing."""

from collections.abc import Sequence
from typing import Any

from setwise._checks import InputError, set_label
from setwise.data.tables import listed

_MISSING = ("NAType", "NaTType")  # what pandas has beside None and NaN


def columns_of_frames(arrays: Sequence[Any], ids: Sequence[str]) -> list[str] | None:
    """Names of the columns, where the sets are data frames whose columns have names; none for arrays.

    Raises:
        InputError: data frames of other columns than the first, or among arrays.
    """
    names = [_column_names(x) for x in arrays]
    first = next((found for found in names if found is not None), None)
    if first is None:
        return None
    for position, found in enumerate(names):
        if found is None or sorted(found) != sorted(first) or len(set(found)) < len(found):
            raise InputError(
                f"the sets must be data frames with the same columns, {listed(first)}; {set_label(position, ids)} "
                + ("is an array." if found is None else f"has {listed(found)}.")
                + " Rename them, or give all sets as arrays."
            )
    return first


def _column_names(frame: Any) -> list[str] | None:
    """Names of a data frame's columns; none for an array, or where columns are only numbered."""
    columns = getattr(frame, "columns", None)
    names = None if columns is None or not hasattr(frame, "__getitem__") else list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def is_missing(value: object) -> bool:
    """Whether a value is none, NaN, or what pandas has for them."""
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in _MISSING


def has_labels(values: Any) -> bool:
    """Whether the rows of a column or frame of pandas have names that somebody gave them."""
    index = getattr(values, "index", None)
    return index is not None and not callable(index) and type(index).__name__ != "RangeIndex"


def check_order(ids: Sequence[str], **columns: Any) -> None:
    """Refuse columns whose index names the sets in another order, since they are taken by position.

    Args:
        ids: names of the sets, in their order.
        columns: what goes with the sets, by the name of the argument; what has no labels passes.

    Raises:
        InputError: such a column.
    """
    for name, values in columns.items():
        labels = [str(label) for label in values.index] if has_labels(values) else list(ids)
        if labels != list(ids) and sorted(labels) == sorted(ids):
            raise InputError(
                f"{name} must be in the order in which the sets first appear in the table, {listed(ids, 3)}; its index "
                f"names the same sets in another order. Reorder it: {name}.loc[table['set_id'].unique()]."
            )
