"""Labels of elements: columns beside the elements of a store, one value each, which are no features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.store.ids import number_text
from setwise.store.kinds import is_number, to_float64, trimmed
from setwise.store.tables import listed

pc: Any = compute  # its functions are made at import, out of sight of type checkers
LABEL = "it is a label of the elements, to be predicted"
_TEXT = pa.dictionary(pa.int32(), pa.string())


def tidy_labels(values: Any, count: int, name: str) -> pa.Array:
    """Return a column of labels as a store keeps it: numbers as float64, text (and truth) as a dictionary.

    Args:
        values: ``(N,)`` numbers or text; None or NaN where missing.
        count: N, elements of the store.
        name: of the column.

    Raises:
        InputError: another number of labels, or what is neither numbers nor text.
    """
    try:
        column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"labels {name!r} must be numbers or text, of one kind: {error}.") from error
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if len(column) != count:
        raise InputError(f"labels {name!r} must be one per element, {count:,}; got {len(column):,}.")
    if is_number(column.type) and not pa.types.is_boolean(column.type):
        return pa.array(to_float64(column))
    if pa.types.is_null(column.type):
        return pa.array(np.full(count, np.nan))
    if pa.types.is_nested(column.type) and not pa.types.is_dictionary(column.type):
        raise InputError(f"labels {name!r} must be numbers or text; got {column.type}.")
    texts = trimmed(column)
    return pc.dictionary_encode(pc.if_else(pc.equal(texts, ""), None, texts)).cast(_TEXT)


def text_labels(codes: np.ndarray, names: Sequence[str]) -> pa.Array:
    """Make text labels ``(N,)`` from their numbers among the names, NaN where missing."""
    missing = np.isnan(codes)
    indices = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))


def check_no_label(features: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a label that is a feature as well: the model would be told the answer.

    Raises:
        InputError: such a label.
    """
    both = [name for name in labels if name in features]
    if both:
        raise InputError(
            f"label {both[0]!r} is a feature of the elements as well, so that the model would be told the answer. "
            "Name the features without it (--features)."
        )


def is_text_label(column: pa.Array) -> bool:
    """Return whether labels of a store are text."""
    return pa.types.is_dictionary(column.type)


def label_codes(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """Return the different labels of a column as text (1 and 1.0 as "1"), and the number of each element's.

    Returns:
        L names, and ``(N,)`` int64 numbers of names, -1 where the label is missing.
    """
    if is_text_label(column):
        codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return column.dictionary.to_pylist(), codes
    values = column.to_numpy(zero_copy_only=False)
    known = ~np.isnan(values)
    different, codes = np.unique(values[known], return_inverse=True)
    names = [number_text(x) for x in different.tolist()]
    found = np.full(len(values), -1, np.int64)
    found[known] = codes
    return names, found


def label_numbers(column: pa.Array, name: str) -> np.ndarray:
    """Return labels ``(N,)`` of a store as float64, NaN where missing.

    Raises:
        InputError: text, or a number that is infinite.
    """
    if is_text_label(column):
        first = next(iter(column.dictionary.to_pylist()), "")
        raise InputError(
            f"labels {name!r} must be numbers to be predicted as numbers; they are text ({first!r}). "
            "Leave the task out, or write numbers."
        )
    values = column.to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        raise InputError(
            f"labels {name!r} must be finite numbers; one is infinite. Leave it empty where it is unknown."
        )
    return values


def labels_of(store: Any, name: str) -> pa.Array:
    """Return one column of the labels of a store's elements.

    Raises:
        InputError: no such column.
    """
    if name not in store.labels:
        raise InputError(
            f"the elements have no labels {name!r}; they have {listed(list(store.labels)) or 'none'}. "
            "Labels are read where they are named (--element-target, element_labels=...)."
        )
    return store.labels[name]


def labelled(store: Any, names: Sequence[str]) -> np.ndarray:
    """Mark elements of a store that have one of some labels at least ``(N,)``."""
    known = np.zeros(store.num_elements, dtype=bool)
    for name in names:
        column = labels_of(store, name)
        own = column.is_valid().to_numpy(zero_copy_only=False)
        known |= own if is_text_label(column) else own & ~np.isnan(column.to_numpy(zero_copy_only=False))
    return known


def sets_with(store: Any, codes: np.ndarray) -> np.ndarray:
    """Return the different pairs ``(2, n)`` of a row and a code: sets, and labels that their elements have.

    Args:
        store: a `setwise.SetStore`.
        codes: ``(N,)`` of its elements, below zero where a label is missing, as `label_codes` gives them.
    """
    known = codes >= 0
    return np.unique(np.stack([store.owners[known], codes[known]]), axis=1)


def shuffled_labels(store: Any, name: str, *, seed: int) -> pa.Array:
    """Shuffle one column of labels within each set, among the elements that have one.

    Args:
        store: a `setwise.SetStore`.
        name: of the column.
        seed: of the permutation; columns of one seed are shuffled alike where they miss the same elements.
    """
    column = labels_of(store, name)
    owners = store.owners
    places = np.flatnonzero(labelled(store, [name]))
    draw = np.random.default_rng(seed).random(len(column))[places]
    order = np.arange(len(column))
    order[places] = places[np.lexsort((draw, owners[places]))]
    return column.take(pa.array(order))
