"""Read arrays in memory into a store: one per set, or padded with sizes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from setwise._checks import InputError, check_finite, set_label
from setwise.readers.measured import order_of
from setwise.readers.padding import padding_of, refuse_padding
from setwise.readers.per_set import join, named_rows, plain_ids
from setwise.readers.request import ReadRequest
from setwise.store.file import Description
from setwise.store.processing import Processing
from setwise.store.store import SetStore
from setwise.store.tables import listed


def as_numpy(values: Any, label: str) -> np.ndarray:
    """Return an array, or a tensor on any device, as NumPy has it; numbers only."""
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
    """Return whether a source is a padded array ``(B, S, ...)`` with sizes ``(B,)`` or a mask, no pair of two sets."""
    if not isinstance(source, tuple) or len(source) != 2 or source[1] is None:
        return False
    shapes = [tuple(x.shape) if hasattr(x, "shape") else np.shape(x) for x in source]
    if len(shapes[0]) < 2 or shapes[1][:1] != shapes[0][:1]:
        return False
    return len(shapes[1]) == 1 or _is_mask(source[1], shapes[1], shapes[0])


def _is_mask(mask: Any, shape: tuple[int, ...], padded: tuple[int, ...]) -> bool:
    """Return whether an array says of each element of a padded array whether it is real."""
    if shape not in (padded[:2], (*padded[:2], 1)) or (len(padded) == 2 and shape != padded):
        return False
    return len(padded) > 2 or "bool" in str(getattr(mask, "dtype", np.asarray(mask).dtype))


def from_padded(padded: Any, second: Any) -> list[np.ndarray]:
    """Return the sets of a padded array without the padding.

    Args:
        padded: ``(B, S, ...)``.
        second: sizes ``(B,)``, or a mask ``(B, S)``, true where an element is real, anywhere in its row.

    Raises:
        InputError: sizes or a mask that do not fit.
    """
    padded, second = as_numpy(padded, "the padded array"), as_numpy(second, "sizes or a mask")
    if second.ndim > 1:
        return _masked(padded, second.reshape(padded.shape[:2]))
    sizes = second
    if sizes.dtype.kind == "f" and (sizes != np.floor(sizes)).any():
        raise InputError(f"sizes must be whole numbers; got {sizes[sizes != np.floor(sizes)][0]}.")
    bad = np.flatnonzero((sizes < 1) | (sizes > padded.shape[1]))
    if bad.size:
        raise InputError(
            f"sizes must lie between 1 and {padded.shape[1]}, the length of the padded sets; "
            f"set {bad[0]} has {sizes[bad[0]]}."
        )
    return [x[: int(size)] for x, size in zip(padded, sizes, strict=True)]


def _masked(padded: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Return the elements that a mask calls real.

    Raises:
        InputError: other values than 0 and 1, a set without elements, or a mask that is true where padding is.
    """
    if not np.isin(mask, (0, 1)).all():
        raise InputError(f"a mask must be true (1) where an element is real, else false (0); got {mask.dtype}.")
    real = mask.astype(bool)
    blank = (padded == 0) | (padded != padded)
    blank = blank.reshape(*padded.shape[:2], -1).all(-1)
    if (blank == real).all() and blank.any():
        raise InputError("the mask is true where all features are 0, and must be true where an element is real: ~mask.")
    empty = np.flatnonzero(~real.any(1))
    if len(empty):
        raise InputError(
            f"every set must have at least one element; the mask leaves none in set {empty[0]} ({len(empty)} in all). "
            "Leave such sets out."
        )
    return [x[own] for x, own in zip(padded, real, strict=True)]


def _unmasked(array: Any) -> Any:
    """Return a masked array of NumPy without the elements that are masked whole; values masked alone are missing."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    mask = np.ma.getmaskarray(array)
    gone = mask.reshape(len(array), -1).all(1)
    kept = array[~gone]
    if not np.ma.getmaskarray(kept).any():
        return kept.filled()
    return np.ma.MaskedArray(kept, dtype=np.float64).filled(np.nan)


def read_arrays(source: Any, request: ReadRequest) -> SetStore:
    """Read one array per set, or a padded array with sizes, into a store.

    Columns of data frames keep their names, by which each set's are put in the order of the first's.
    Vectors ``(n_i, D)`` become float32; numbers ``(n_i,)`` are one feature if they have fractions, categories if they
    are integers; elements of more axes (images) keep an integer dtype.

    Raises:
        InputError: arrays that do not agree, an empty set, NaN or infinity, or a table of sets that does not fit.
    """
    request.refuse_labels("a list of arrays")
    arrays = _as_list(source)
    if len(arrays) == 0:
        raise InputError("there must be at least one set; got an empty list.")
    ids, table, problems = _ids(len(arrays), request)
    features, named = request.features, _columns_of_frames(arrays, ids)
    if named is not None:
        features = named if features is None else list(features)
        if unknown := [name for name in features if name not in named]:
            raise InputError(f"features must be columns of the frames, {listed(named)}; got {listed(unknown)}.")
        arrays = [frame.select(features) if hasattr(frame, "column_names") else frame[features] for frame in arrays]
    converted = [_element_array(as_numpy(x, set_label(i, ids))) for i, x in enumerate(arrays)]
    if request.reading.drop_empty and request.drop is not None:
        full = [row for row, x in enumerate(converted) if len(x)]
        empty = (name for name, x in zip(ids, converted, strict=True) if not len(x))
        request.drop.names |= dict.fromkeys(empty, "it has no elements")
        converted, ids, table = (
            [converted[row] for row in full],
            [ids[row] for row in full],
            table.take(pa.array(full, pa.int64())),
        )
        if not converted:
            raise InputError("there must be at least one set with elements; all are empty.")
    _check_alike(converted, ids)
    converted, padding = _without_padding(converted, ids, request, said=_says_padding(source))
    elements = np.concatenate(converted)
    sizes = np.array([len(x) for x in converted], np.int64)
    if request.strict:
        check_values(elements, sizes, ids, keep_missing=request.keep_missing)
    shape = elements.shape[1:]
    names = feature_names(shape, features)
    description = Description(names, shape, {}, request.checked, tuple(problems), Processing(padding=padding))
    kept = SetStore.from_description(elements, sizes, table, description)
    if request.like is None and (notes := _doubtful(kept)):
        kept = SetStore.from_description(elements, sizes, table, replace(description, notes=notes))
    return kept if request.store is None else kept.save(request.store)


def _doubtful(store: SetStore) -> tuple[str, ...]:
    """Return sentences on features that are no measurement; what is in memory is taken as it was chosen."""
    return tuple(
        f"feature {name!r} may tell the sets apart: {reason}. Leave its column out if it is no measurement."
        for name, reason in order_of(store).reasons().items()
    )


def _as_list(source: Any) -> list[Any]:
    """Return the sets as a list of arrays; those of a padded array without the padding."""
    if is_padded(source):
        return from_padded(*source)
    if getattr(source, "is_nested", False):
        return list(source.unbind())
    if getattr(getattr(source, "dtype", None), "kind", "") == "O" and source.ndim == 1:
        return [_unmasked(x) for x in source]
    if not isinstance(source, Sequence) and source.ndim < 2:
        raise InputError(f"sets must be a list of arrays, one per set; got one array of shape {tuple(source.shape)}.")
    return [_unmasked(x) for x in source]


def _says_padding(source: Any) -> bool:
    """Return whether a source says itself what is padding: by sizes, a mask or as a nested tensor."""
    masked = isinstance(source, np.ma.MaskedArray)
    return masked or is_padded(source) or bool(getattr(source, "is_nested", False))


def _without_padding(
    arrays: list[np.ndarray], ids: Sequence[str], request: ReadRequest, *, said: bool
) -> tuple[list[np.ndarray], str | None]:
    """Return the sets without the padding that is to be dropped, and the number of which it consisted.

    Args:
        arrays: one per set.
        ids: names of the sets.
        request: what is asked of reading.
        said: the source says itself what is padding.

    Raises:
        InputError: sets that are padded, where nothing says so.
    """
    if said or request.reading.padding == "keep":
        return arrays, None
    if not request.drops_padding:
        refuse_padding(arrays, ids)
        return arrays, None
    found = padding_of(arrays, sure=True)
    if found is None:
        return arrays, None
    found.told(sum(map(len, arrays)), ids)
    return [x[:size] for x, size in zip(arrays, found.sizes.tolist(), strict=True)], f"{found.value:g}"


def check_values(elements: np.ndarray, sizes: np.ndarray, ids: Sequence[str], *, keep_missing: bool) -> None:
    """Refuse elements that are no finite numbers; NaN passes where missing values are kept."""
    if keep_missing and elements.dtype.kind == "f":
        elements = np.where(np.isnan(elements), np.float32(0), elements)
    check_finite(torch.from_numpy(elements), torch.from_numpy(sizes), ids)


def _ids(count: int, request: ReadRequest) -> tuple[list[str], pa.Table, list[str]]:
    """Return the names of the sets (those of the table of sets, else their positions), its rows, and the problems."""
    where, sets, set_id = "the table of sets", request.sets, request.set_id
    if sets is None:
        ids = plain_ids(count)
        return ids, *join(ids, None, where, strict=request.strict)
    if sets.num_rows != count:
        raise InputError(f"{where} must have a row for each of the {count} arrays; it has {sets.num_rows}.")
    if set_id not in sets.column_names:
        sets = sets.add_column(0, set_id, pa.array(plain_ids(count)))
    table = named_rows(sets, set_id, where)
    ids = table["set_id"].to_pylist()
    return ids, *join(ids, table, where, strict=request.strict)


def store_dtype(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], np.dtype]:
    """Return the trailing shape and dtype that elements have in the store, from those they come with.

    Vectors are float32; single numbers are one feature if they have fractions, categories if they are integers;
    other elements (images) keep an integer dtype.
    """
    if dtype.kind == "f":
        return shape or (1,), np.dtype(np.float32)
    if len(shape) == 1:
        return shape, np.dtype(np.float32)
    return shape, np.dtype(np.uint8) if dtype.kind == "b" else dtype


def _element_array(array: np.ndarray) -> np.ndarray:
    """Return the elements of one set in the dtype and shape of the store."""
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
    """Return the names of the features of arrays: those given, else ``x0`` and so on."""
    count = shape[0] if len(shape) == 1 else 1
    if 0 in shape:
        raise InputError(f"elements must have at least one feature; got shape {shape}.")
    if features is None:
        return tuple(f"x{column}" for column in range(count)) if len(shape) == 1 else ("element",)
    if len(features) != count or len(set(features)) != count:
        raise InputError(f"features must name {count} columns, each once; got {list(features)}.")
    return tuple(features)


def _columns_of_frames(arrays: Sequence[Any], ids: Sequence[str]) -> list[str] | None:
    """Return the names of the columns, where the sets are data frames whose columns have names; none for arrays.

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
    """Return the names of a data frame's columns; none for an array, or where columns are only numbered."""
    columns = getattr(frame, "column_names", getattr(frame, "columns", None))  # of Arrow, of others
    names = None if columns is None or not hasattr(frame, "__getitem__") else list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None
