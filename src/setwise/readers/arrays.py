"""Arrays in memory into a store: one per set, or padded with sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from setwise._checks import InputError, check_finite, set_label
from setwise.readers.per_set import join, named_rows, plain_ids
from setwise.store.file import Description
from setwise.store.store import SetStore
from setwise.store.tables import listed

_MISSING = ("NAType", "NaTType")  # what pandas has beside None and NaN


def as_numpy(values: Any, label: str) -> np.ndarray:
    """An array, or a tensor on any device, as NumPy has it; numbers only."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{label} must be an array of numbers: {error}.") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{label} must hold numbers; got dtype {array.dtype}.")
    return array


def is_padded(source: object) -> bool:
    """Whether a source is a pair of a padded array ``(B, S, ...)`` and sizes ``(B,)``, and no list of two sets."""
    if not isinstance(source, tuple) or len(source) != 2 or source[1] is None:
        return False
    shapes = [tuple(x.shape) if hasattr(x, "shape") else np.shape(x) for x in source]
    return len(shapes[0]) >= 2 and len(shapes[1]) == 1 and shapes[1][0] == shapes[0][0]


def from_padded(padded: Any, sizes: Any) -> list[np.ndarray]:
    """The sets of a padded array, as views without the padding."""
    padded, sizes = as_numpy(padded, "the padded array"), as_numpy(sizes, "sizes")
    if sizes.dtype.kind == "f" and (sizes != np.floor(sizes)).any():
        raise InputError(f"sizes must be whole numbers; got {sizes[sizes != np.floor(sizes)][0]}.")
    bad = np.flatnonzero((sizes < 1) | (sizes > padded.shape[1]))
    if bad.size:
        raise InputError(
            f"sizes must lie between 1 and {padded.shape[1]}, the length of the padded sets; "
            f"set {bad[0]} has {sizes[bad[0]]}."
        )
    return [x[: int(size)] for x, size in zip(padded, sizes, strict=True)]


def read_arrays(
    arrays: Sequence[Any],
    *,
    features: Sequence[str] | None,
    sets: pa.Table | None,
    set_id: str,
    store: Path | None,
    strict: bool,
    keep_missing: bool = False,
) -> SetStore:
    """One array per set into a store; arguments as for `read`.

    Columns of data frames keep their names, by which each set's are put in the order of the first's.
    Vectors ``(n_i, D)`` become float32; numbers ``(n_i,)`` are one feature if they have fractions, categories if they
    are integers; elements of more axes (images) keep an integer dtype.

    Raises:
        InputError: arrays that do not agree, an empty set, NaN or infinity, or a table of sets that does not fit.
    """
    if len(arrays) == 0:
        raise InputError("there must be at least one set; got an empty list.")
    ids, table, problems = _ids(len(arrays), sets, set_id, strict=strict)
    named = _columns_of_frames(arrays, ids)
    if named is not None:
        features = named if features is None else list(features)
        if unknown := [name for name in features if name not in named]:
            raise InputError(f"features must be columns of the frames, {listed(named)}; got {listed(unknown)}.")
        arrays = [frame[features] for frame in arrays]
    converted = [_element_array(as_numpy(x, set_label(i, ids))) for i, x in enumerate(arrays)]
    _check_alike(converted, ids)
    elements = np.concatenate(converted)
    sizes = np.array([len(x) for x in converted], np.int64)
    if strict:
        check_values(elements, sizes, ids, keep_missing=keep_missing)
    shape = elements.shape[1:]
    names = feature_names(shape, features)
    description = Description(names, shape, {}, strict and not keep_missing, tuple(problems))
    kept = SetStore.from_description(elements, sizes, table, description)
    return kept if store is None else kept.save(store)


def check_values(elements: np.ndarray, sizes: np.ndarray, ids: Sequence[str], *, keep_missing: bool) -> None:
    """Refuse elements that are no finite numbers; NaN passes where missing values are kept."""
    if keep_missing and elements.dtype.kind == "f":
        elements = np.where(np.isnan(elements), np.float32(0), elements)
    check_finite(torch.from_numpy(elements), torch.from_numpy(sizes), ids)


def _ids(count: int, sets: pa.Table | None, set_id: str, *, strict: bool) -> tuple[list[str], pa.Table, list[str]]:
    """Names of the sets: those of the table of sets, row by row, else their positions."""
    where = "the table of sets"
    if sets is None:
        ids = plain_ids(count)
        return ids, *join(ids, None, where, strict=strict)
    if sets.num_rows != count:
        raise InputError(f"{where} must have a row for each of the {count} arrays; it has {sets.num_rows}.")
    if set_id not in sets.column_names:
        sets = sets.add_column(0, set_id, pa.array(plain_ids(count)))
    table = named_rows(sets, set_id, where)
    ids = table["set_id"].to_pylist()
    return ids, *join(ids, table, where, strict=strict)


def store_dtype(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], np.dtype]:
    """Trailing shape and dtype that elements have in the store, from those they come with.

    Vectors are float32; single numbers are one feature if they have fractions, categories if they are integers;
    other elements (images) keep an integer dtype.
    """
    if dtype.kind == "f":
        return shape or (1,), np.dtype(np.float32)
    if len(shape) == 1:
        return shape, np.dtype(np.float32)
    return shape, np.dtype(np.uint8) if dtype.kind == "b" else dtype


def _element_array(array: np.ndarray) -> np.ndarray:
    """The elements of one set in the dtype and shape of the store."""
    shape, dtype = store_dtype(array.shape[1:], array.dtype)
    with np.errstate(over="ignore"):
        return array.reshape(len(array), *shape).astype(dtype, copy=False) if array.ndim else array


def _check_alike(arrays: Sequence[np.ndarray], ids: Sequence[str]) -> None:
    first = arrays[0]
    for position, x in enumerate(arrays):
        if x.ndim == 0 or len(x) == 0:
            raise InputError(
                f"every set must have at least one element; {set_label(position, ids)} has none. "
                "Drop it, or give the set the elements it lacks."
            )
        if x.shape[1:] != first.shape[1:] or (x.dtype.kind == "f") != (first.dtype.kind == "f"):
            raise InputError(
                f"elements must have the same shape and kind in every set, {first.shape[1:]} of {first.dtype} as in "
                f"{set_label(0, ids)}; {set_label(position, ids)} has {x.shape[1:]} of {x.dtype}."
            )


def feature_names(shape: tuple[int, ...], features: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the features of arrays: those given, else ``x0`` and so on; one for elements that are no vectors."""
    count = shape[0] if len(shape) == 1 else 1
    if 0 in shape:
        raise InputError(f"elements must have at least one feature; got shape {shape}.")
    if features is None:
        return tuple(f"x{column}" for column in range(count)) if len(shape) == 1 else ("element",)
    if len(features) != count or len(set(features)) != count:
        raise InputError(f"features must name {count} columns, each once; got {list(features)}.")
    return tuple(features)


def _columns_of_frames(arrays: Sequence[Any], ids: Sequence[str]) -> list[str] | None:
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
