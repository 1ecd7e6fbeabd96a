"""Tell missing values and the order of rows in columns of pandas that go with sets in memory."""

from collections.abc import Sequence
from typing import Any

from setwise._checks import InputError
from setwise.store.tables import listed

_MISSING = ("NAType", "NaTType")  # what pandas has beside None and NaN


def is_missing(value: object) -> bool:
    """Return whether a value is none, NaN, or what pandas has for them."""
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in _MISSING


def has_labels(values: Any) -> bool:
    """Return whether the rows of a column or frame of pandas have names that somebody gave them."""
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
