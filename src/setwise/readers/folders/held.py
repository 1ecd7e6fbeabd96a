"""Open the arrays that one file holds of a set: its elements, where they lie, what else goes with each of them."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.readers.formats.hdf5 import Hdf5
from setwise.readers.reader import packages_of
from setwise.store.suffixes import suffix_of
from setwise.store.tables import listed, reading

NAMES = ("features", "feature", "feats", "feat", "embeddings", "embedding")  # of elements, in files of one set
_FEATURES = (*NAMES, "x", "data")
COORDINATES = ("coords", "coord", "coordinates", "positions", "position", "locations", "centroids", "pos", "xy", "xyz")
_AXES = 4  # most numbers of a place


@dataclass(frozen=True)
class Held:
    """The arrays of a file that belong to one set of n elements.

    Attributes:
        elements: ``(n, ...)``, of which only what is looked at is read.
        coordinates: where each element lies, ``(n, 1 to 4)`` by the name of the array; empty where there are none.
        beside: arrays ``(n,)`` by their names.
        others: what is not read, and why.
    """

    elements: Any
    coordinates: Mapping[str, Any]
    beside: Mapping[str, Any]
    others: Mapping[str, str]


class _Lifted:
    """An array ``(1, n, ...)`` as ``(n, ...)``."""

    def __init__(self, array: Any):
        self._array = array
        self.shape = tuple(array.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Any:
        return self._array[0, rows]


@contextmanager
def held(path: Path) -> Iterator[Held]:
    """Open the arrays of a file; nothing in it is executed.

    Of several, the elements are those that no coordinates are (arrays of few columns, named "coords" or the like) or
    that are named "features" or the like; which ones are meant is never guessed.

    Raises:
        InputError: a file that cannot be read, or of whose arrays none or several may be the elements.
    """
    opener: Callable[[Path], Any] = {".npy": _numpy, ".npz": _npz, ".pt": _torch, ".pth": _torch}.get(
        suffix_of(path), _hdf5
    )
    with opener(path) as found:
        yield _sorted(path, found)


def _sorted(path: Path, found: Mapping[str, Any]) -> Held:
    """Tell the elements from what goes with them."""
    arrays = {name: item for name, item in found.items() if _is_numbers(item)}
    wide = {name: item for name, item in arrays.items() if len(item.shape) >= 2}
    candidates = wide or (arrays if len(arrays) == 1 else {})
    places = {} if len(candidates) == 1 else {x: item for x, item in candidates.items() if _is_coordinates(x, item)}
    candidates = {name: item for name, item in candidates.items() if name not in places} or candidates
    if len(candidates) > 1:
        named = {name: item for name, item in candidates.items() if _last(name) in _FEATURES}
        candidates = named if len(named) == 1 else candidates
    if len(candidates) != 1:
        told = listed([f"{name} {tuple(getattr(item, 'shape', ()))}" for name, item in found.items()])
        raise InputError(
            f"{path} must hold one array of elements (elements, features), or name it 'features'; it holds "
            f"{told or 'none'}. Keep the elements alone in it, or rename the array."
        )
    name, elements = next(iter(candidates.items()))
    elements = _lifted(elements) if _last(name) in _FEATURES else elements
    places = {key: _lifted(item) for key, item in places.items() if key != name}
    count = elements.shape[0] if elements.shape else 0
    for key, item in places.items():
        if item.shape[0] != count:
            raise InputError(
                f"{path}: {key} must have a row for each of the {count} elements of {name}; it has {item.shape[0]}. "
                "Write both from the same elements."
            )
    beside = {key: item for key, item in found.items() if key != name and _goes_with(item, count)}
    rest = {key: f"its shape is {tuple(item.shape)}" for key, item in wide.items() if key not in (name, *places)}
    return Held(elements, places, beside, rest)


def _is_numbers(item: Any) -> bool:
    if isinstance(item, torch.Tensor):
        return item.ndim > 0
    return len(getattr(item, "shape", ())) > 0 and getattr(getattr(item, "dtype", None), "kind", "") in "fiub"


def _is_coordinates(name: str, item: Any) -> bool:
    return _last(name) in COORDINATES and item.shape[-1] <= _AXES and len(_lifted(item).shape) == 2


def _goes_with(item: Any, count: int) -> bool:
    """Return whether an array has one number or text for each element."""
    kind = getattr(getattr(item, "dtype", None), "kind", "f" if isinstance(item, torch.Tensor) else "")
    return tuple(getattr(item, "shape", ())) == (count,) and kind in tuple("fiubUSO")


def _lifted(item: Any) -> Any:
    """Return an array ``(1, n, ...)`` of one set as ``(n, ...)``, as encoders write it that know batches."""
    return _Lifted(item) if len(item.shape) == 3 and item.shape[0] == 1 else item


def _last(name: str) -> str:
    return name.rpartition("/")[2].casefold()


@contextmanager
def _numpy(path: Path) -> Iterator[Mapping[str, Any]]:
    with reading(path, ValueError, EOFError):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    yield {"array": array}


@contextmanager
def _npz(path: Path) -> Iterator[Mapping[str, Any]]:
    with reading(path, ValueError, EOFError, zipfile.BadZipFile), np.load(path, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{path} holds one array without a name. Give it the suffix .npy.")
        if {"x", "n"} <= set(file.files):
            raise InputError(f"{path} holds many sets, with their sizes n. Read it by itself, not as one of several.")
        yield {name: file[name] for name in file.files}


@contextmanager
def _hdf5(path: Path) -> Iterator[Mapping[str, Any]]:
    (h5py,) = packages_of(Hdf5())
    with reading(path, RuntimeError, KeyError, ValueError), h5py.File(path, "r") as file:
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({name: item}) if hasattr(item, "shape") else None)
        yield found


@contextmanager
def _torch(path: Path) -> Iterator[Mapping[str, Any]]:
    with reading(path, RuntimeError, EOFError):
        try:
            found = _load(path)
        except pickle.UnpicklingError as error:
            raise InputError(
                f"{path} is no file of torch.save, or holds more than tensors, which would have to be executed: it is "
                "not read. Save the tensor alone: torch.save(tensor, path)."
            ) from error
    yield found if isinstance(found, dict) else {"tensor": found}


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of files that are refused, for torch's own developers
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # a file of an older torch, which cannot be mapped
            return torch.load(path, map_location="cpu", weights_only=True)
