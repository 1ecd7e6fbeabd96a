"""Read NumPy files (.npz): the elements of all sets one after the other, the sizes, and arrays with one row per set."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.arrays import check_values, feature_names, store_dtype
from setwise.readers.names import expanded, is_clock
from setwise.readers.padded import take_elements
from setwise.readers.per_set import add_columns, named_rows, plain_ids
from setwise.readers.request import ReadRequest
from setwise.store.file import Description
from setwise.store.processing import Processing
from setwise.store.store import SetStore
from setwise.store.tables import check_file, listed, reading

_FEATURES = ("features", "feature_names", "channel", "channels", "columns", "gene", "genes")
_CLASSES = ("class_name", "class_names", "classes", "targets", "labels")


def read_npz(path: Path, request: ReadRequest) -> SetStore:
    """Read elements, sizes and any arrays with one row per set, such as ``y``, ``split`` or names, of an .npz file.

    The elements are ``x`` ``(N, ...)`` with ``n`` ``(B,)``, or padded (`setwise.readers.padded.take_elements`).
    An array ``(B,)`` becomes a column of the table of sets, one ``(B, T)`` T columns (``y_0`` and so on, or named by
    ``class_name``). Labels are arrays ``(N,)``; ``features`` or ``channel`` ``(D,)`` names the features. Other arrays
    are left out. Nothing in the file is executed: arrays of objects are refused.

    Raises:
        InputError: no such file, a damaged one, no elements, or shapes that do not agree.
    """
    return read_named_arrays(_load(path), path, request)


def read_named_arrays(arrays: dict[str, np.ndarray], path: Path, request: ReadRequest) -> SetStore:
    """Read the arrays of a file by their names, as `read_npz` does; they are taken out of the dictionary.

    Raises:
        InputError: no elements, or shapes that do not agree.
    """
    sets = request.named_sets()
    beside = {name: arrays.pop(name) for name in request.labels if name in arrays}
    if missing := [name for name in request.labels if name not in beside]:
        raise InputError(f"{path} has no labels {listed(missing)}; it has {listed(list(arrays))}.")
    found = take_elements(arrays, path, request)
    x, sizes = found.x, found.sizes
    names, left_out = _names(arrays, x, len(sizes), len(found.left_out))
    left_out |= {names[n] if names else f"x{n}": reason for n, reason in found.left_out.items()}
    names = None if names is None else names[: x.shape[1]]
    own = _table(arrays, sizes, request.set_id, path, left_out)
    joined, problems = add_columns(own, sets, request.sets_name, strict=request.strict, drop=request.drop)
    if request.reading.drop_empty and request.drop is not None and (sizes == 0).any():
        gone = joined["set_id"].filter(pa.array(sizes == 0)).to_pylist()
        request.drop.names |= dict.fromkeys(gone, "it has no elements")
        joined, sizes = joined.filter(pa.array(sizes > 0)), sizes[sizes > 0]
    ids = joined["set_id"].to_pylist()
    _check_filled(sizes, ids, path)
    if names is not None:
        kept = _choose(names, request.features, left_out, path)
        x, names = x[:, [names.index(name) for name in kept]], kept
    shape, dtype = store_dtype(x.shape[1:], x.dtype)
    with np.errstate(over="ignore"):
        elements = x.reshape(len(x), *shape).astype(dtype, copy=False)
    if request.strict:
        check_values(elements, sizes, ids, keep_missing=request.keep_missing)
    known = feature_names(shape, names if names is not None else request.features)
    done = Processing(padding=found.padding)
    description = Description(known, shape, left_out, request.checked, tuple(problems), done, found.notes)
    kept_store = SetStore.from_description(elements, sizes, joined, description, beside)
    return kept_store if request.store is None else kept_store.save(request.store)


def _check_filled(sizes: np.ndarray, ids: Sequence[str], path: Path) -> None:
    empty = np.flatnonzero(sizes == 0)
    if len(empty):
        raise InputError(
            f"{path}: every set must have at least one element; {len(empty)} of {len(sizes)} are nothing but padding: "
            f"{listed([repr(ids[row]) for row in empty[:5]], 5)}. Leave them out (--drop-empty)."
        )


def _load(path: Path) -> dict[str, np.ndarray]:
    """Load all arrays of a file; none may hold objects."""
    check_file(path)
    errors = (ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
    with reading(path, *errors), path.open("rb") as raw:
        file = np.load(raw, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{path} holds one array; it must hold x and n (numpy.savez).")
        return {name: file[name] for name in file.files}


def _choose(names: list[str], features: Sequence[str] | None, left_out: dict[str, str], path: Path) -> list[str]:
    """Return the features that are used, of those that have names; the others are added to those left out."""
    if features is None:
        kept = [name for name in names if not is_clock(name)]
        left_out |= {name: "its name says time, event or index" for name in names if name not in kept}
        return kept
    features = expanded(features, names, str(path))
    if unknown := [name for name in features if name not in names]:
        raise InputError(f"{path} has no features {listed(unknown)}; it has {listed(names)}.")
    left_out |= {name: "it was not named" for name in names if name not in features}
    return list(features)


def has_names(path: Path) -> bool:
    """Return whether a file names its features; false where it cannot be read, for `read_npz` to say why."""
    try:
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            return isinstance(file, np.lib.npyio.NpzFile) and any(name in file.files for name in _FEATURES)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def _names(
    arrays: dict[str, np.ndarray], x: np.ndarray, sets: int, more: int
) -> tuple[list[str] | None, dict[str, str]]:
    """Return names of the features, where an array has them; arrays that are no columns, and why.

    Args:
        arrays: of the file.
        x: the elements.
        sets: how many there are.
        more: features that were left out before, the last ones.
    """
    found = None
    if x.ndim == 2:
        for name in _FEATURES:
            array = arrays.get(name)
            if array is not None and array.dtype.kind == "U" and array.shape == (x.shape[1] + more,) and found is None:
                texts = [str(text) for text in array]
                if len(set(texts)) == len(texts):
                    found = texts
                    arrays.pop(name)
    left_out: dict[str, str] = {}
    for name, array in list(arrays.items()):
        if array.ndim == 0 or len(array) != sets:
            per_element = array.ndim > 0 and len(array) == len(x)
            left_out[name] = "it has one row per element" if per_element else f"its shape is {array.shape}"
            if name not in _CLASSES:
                arrays.pop(name)
    return found, left_out


def _table(
    arrays: dict[str, np.ndarray],
    sizes: np.ndarray,
    set_id: str,
    path: Path,
    left_out: dict[str, str],
) -> pa.Table:
    """Return one row per set, with names of the sets where the file has them."""
    columns: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if len(array.shape) == 0 or len(array) != len(sizes) or array.dtype.kind not in "fiubU":
            left_out.setdefault(name, f"it holds {array.dtype}")
        elif array.ndim == 1:
            columns[name] = array
        elif array.ndim == 2:
            columns |= dict(zip(_columns_of(name, array.shape[1], arrays, left_out), array.T, strict=True))
        else:
            left_out[name] = f"its shape is {array.shape}"
    table = pa.table({name: pa.array(values.tolist()) for name, values in columns.items()})
    if set_id not in table.column_names:
        table = pa.table({set_id: plain_ids(len(sizes)), **{name: table[name] for name in table.column_names}})
    return named_rows(table, set_id, str(path))


def _columns_of(name: str, width: int, arrays: dict[str, np.ndarray], left_out: dict[str, str]) -> list[str]:
    """Return names for the columns of an array ``(B, T)``: those of its classes, else numbers."""
    for other in _CLASSES:
        names = arrays.get(other)
        if names is not None and names.shape == (width,) and names.dtype.kind == "U" and len(set(names)) == width:
            left_out.pop(other, None)
            return [str(text) for text in names]
    return [f"{name}_{column}" for column in range(width)]
