"""Read HDF5 files laid out as those of the paper's authors: padded sets, labels and lengths for each part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.arrays import check_values, feature_names, store_dtype
from setwise.readers.folders.held import COORDINATES, NAMES
from setwise.readers.formats.hdf5 import Hdf5
from setwise.readers.npz import read_named_arrays
from setwise.readers.padded import ELEMENTS
from setwise.readers.per_set import add_columns
from setwise.readers.reader import packages_of
from setwise.readers.request import ReadRequest
from setwise.store.file import Description
from setwise.store.filled import filled_store
from setwise.store.splits import PARTS
from setwise.store.store import SetStore
from setwise.store.tables import check_file, listed, reading

_CHUNK = 1 << 26  # bytes read at a time


@dataclass(frozen=True)
class _Part:
    name: str
    data: Any  # h5py.Dataset (B, S, ...)
    sizes: np.ndarray
    labels: np.ndarray | None  # (B, T)


def holds_parts(path: Path) -> bool:
    """Return whether a file has parts with padded sets, not the elements of one set; true where it cannot be read."""
    try:
        (h5py,) = packages_of(Hdf5())
        with h5py.File(path, "r") as file:
            if any(f"{name}_data" in file for name in PARTS):
                return True
            names: set[str] = set()
            file.visit(lambda name: names.add(name.rpartition("/")[2].casefold()))
            return names.isdisjoint((*NAMES, *COORDINATES))
    except (InputError, OSError, RuntimeError, KeyError, ValueError):
        return True


def read_hdf5(path: Path, request: ReadRequest) -> SetStore:
    """Read ``train_data`` ``(B, S, ...)``, ``train_labels`` ``(B,)`` or ``(B, T)`` and ``train_lengths`` ``(B,)``.

    The parts are ``train``, ``validation`` and ``test``; each part, labels and lengths may be missing.

    The sets are named ``train_0`` and so on; the table of sets gets ``split`` and ``label``, or ``label_0`` and so on
    where there are several. A file without such parts, with an array ``x``, ``X`` or ``particle_features``, is read
    as an .npz file of the same arrays (`setwise.readers.npz.read_named_arrays`).

    Raises:
        InputError: no such file, a damaged one, none of these data sets, or shapes that do not agree.
        InputError: h5py is not installed.
    """
    (h5py,) = packages_of(Hdf5())
    check_file(path)
    sets = request.named_sets()
    with reading(path, RuntimeError, KeyError, ValueError), h5py.File(path, "r") as file:
        keys = list(file)
        parts = [_open_part(file, name, path) for name in PARTS if f"{name}_data" in file]
        if not parts and any(name in file for name in ELEMENTS):
            return read_named_arrays(
                {key: _loaded(file[key]) for key in keys if hasattr(file[key], "shape")}, path, request
            )
        if not parts:
            raise InputError(
                f"{path} must hold a data set 'train_data' or 'test_data' (sets, elements, features), or 'features' "
                f"(elements, features) of one set; it holds {listed(keys)}. "
                "Rename the data set, or give the folder that has one file for each set."
            )
        request.refuse_labels(str(path))
        shape, dtype = _check_alike(parts, path)
        table, problems = add_columns(
            _table(parts, path), sets, request.sets_name, strict=request.strict, drop=request.drop
        )
        known = {f"{part.name}_{what}" for part in parts for what in ("data", "labels", "lengths")}
        left_out = {key: "it is none of the data sets that are read" for key in keys if key not in known}
        names = feature_names(shape, request.features)
        description = Description(names, shape, left_out, request.checked, tuple(problems))
        sizes = np.concatenate([part.sizes for part in parts])
        fill = partial(_fill, parts=parts, request=request)
        return filled_store(request.store, sizes, table, description, fill, dtype=dtype)


def _loaded(data: Any) -> np.ndarray:
    """Return an array of a file; text as text."""
    found = np.asarray(data)
    return found if found.dtype.kind not in "SO" else np.asarray(data.asstr()[()], dtype=str)


def _open_part(file: Any, name: str, path: Path) -> _Part:
    """Open the data, lengths and labels of one part of a split."""
    data = file[f"{name}_data"]
    if not hasattr(data, "shape") or len(data.shape) < 2 or data.dtype.kind not in "fiub" or 0 in data.shape:
        raise InputError(
            f"{path}: {name}_data must be numbers of shape (sets, elements, features), none of them 0; "
            f"got {getattr(data, 'dtype', 'a group')} of shape {getattr(data, 'shape', ())}."
        )
    count, longest = data.shape[:2]
    sizes = np.full(count, longest, np.int64)
    if f"{name}_lengths" in file:
        found = np.asarray(file[f"{name}_lengths"])
        if found.size != count or found.dtype.kind not in "iuf":
            raise InputError(
                f"{path}: {name}_lengths must be {count} whole numbers; got {found.dtype} of shape {found.shape}."
            )
        found = found.reshape(count)
        bad = np.flatnonzero(~((found >= 1) & (found <= longest) & (found == np.floor(found))))
        if bad.size:
            raise InputError(
                f"{path}: {name}_lengths must be whole numbers from 1 to {longest}; set {name}_{bad[0]} has "
                f"{found[bad[0]]}. Drop empty sets."
            )
        sizes = found.astype(np.int64)
    labels = None
    if f"{name}_labels" in file:
        found = np.asarray(file[f"{name}_labels"])
        if found.ndim == 0 or len(found) != count or found.dtype.kind not in "fiubSO":
            raise InputError(
                f"{path}: {name}_labels must have one row for each of the {count} sets; "
                f"got {found.dtype} of shape {found.shape}."
            )
        labels = found.reshape(count, -1)
    return _Part(name, data, sizes, labels)


def _check_alike(parts: Sequence[_Part], path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Return the trailing shape and dtype of the elements of the store."""
    first = parts[0]
    for part in parts:
        if part.data.shape[2:] != first.data.shape[2:]:
            raise InputError(
                f"{path}: elements must have the same shape in every part; {first.name}_data has "
                f"{first.data.shape[2:]}, {part.name}_data has {part.data.shape[2:]}."
            )
    dtype = np.result_type(*(part.data.dtype for part in parts))
    return store_dtype(first.data.shape[2:], dtype)


def _table(parts: Sequence[_Part], path: Path) -> pa.Table:
    """Return the table of sets: names, ``split``, labels; parts without labels have missing ones."""
    widths = {part.labels.shape[1] for part in parts if part.labels is not None}
    if len(widths) > 1:
        raise InputError(f"{path}: labels must have as many columns in every part; got {sorted(widths)}.")
    width = widths.pop() if widths else 0
    names = ["label"] if width == 1 else [f"label_{column}" for column in range(width)]
    columns: dict[str, list[Any]] = {"set_id": [], "split": []} | {name: [] for name in names}
    for part in parts:
        count = len(part.sizes)
        columns["set_id"] += [f"{part.name}_{row}" for row in range(count)]
        columns["split"] += [part.name] * count
        for column, name in enumerate(names):
            values = [None] * count if part.labels is None else part.labels[:, column].tolist()
            columns[name] += [x.decode() if isinstance(x, bytes) else x for x in values]
    try:
        return pa.table(columns)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the labels must be numbers or text: {error}.") from error


def _fill(elements: np.ndarray, *, parts: Sequence[_Part], request: ReadRequest) -> None:
    """Copy what is no padding, some sets at a time."""
    place = 0
    for part in parts:
        count, longest = part.data.shape[:2]
        step = max(1, _CHUNK // (math.prod(part.data.shape[1:]) * part.data.dtype.itemsize))
        for start in range(0, count, step):
            sizes = part.sizes[start : start + step]
            real = np.arange(longest) < sizes[:, None]
            with np.errstate(over="ignore"):
                piece = part.data[start : start + step][real].reshape(-1, *elements.shape[1:])
                piece = piece.astype(elements.dtype)
            if request.strict:
                names = [f"{part.name}_{row}" for row in range(start, start + len(sizes))]
                check_values(piece, sizes, names, keep_missing=request.keep_missing)
            elements[place : place + len(piece)] = piece
            place += len(piece)
