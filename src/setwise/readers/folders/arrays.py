"""Read files that hold the array of one set each, with what goes with its elements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import EmptySetError, InputError
from setwise.readers.arrays import as_numpy, check_values, feature_names, store_dtype
from setwise.readers.files import SetFiles, opened_files
from setwise.readers.folders.held import Held, held
from setwise.readers.formats.folders import Folders
from setwise.readers.per_set import join, named_rows
from setwise.readers.request import ReadRequest
from setwise.store.file import Description
from setwise.store.filled import filled_store
from setwise.store.ids import unify
from setwise.store.labels import LABEL
from setwise.store.store import SetStore
from setwise.store.tables import listed

_BYTES = 1 << 26  # of an array, read at a time
_SKIP = "or leave it out (--skip-bad)"
KEPT = "it is no feature: kept beside the elements, for scores of them"


@dataclass(frozen=True)
class _Look:
    shape: tuple[int, ...]
    dtype: np.dtype
    beside: Mapping[str, np.ndarray]  # labels (n,), and coordinates, a column each
    names: tuple[str, ...]  # of what has one value per element
    others: Mapping[str, str]


def read_arrays(files: SetFiles, request: ReadRequest) -> SetStore:
    """Read arrays whose shapes are known before, one after the other into one place.

    Coordinates of the elements are kept beside them as labels, where every file has them. Labels are arrays ``(n,)`` of
    the files.

    Args:
        files: of the sets.
        request: what is asked of reading.

    Raises:
        InputError: files that cannot be read, or do not agree.
    """
    files, looks = opened_files(files, partial(_look, labels=request.labels), request, kind=Folders.name)
    _check_alike(files.paths, looks)
    first = looks[0]
    shape, dtype = store_dtype(first.shape[1:], np.result_type(*{look.dtype for look in looks}))
    where = request.sets_name or str(files.paths[0].parent)
    ids = unify(files.ids, where)
    sets = None if files.table is None else named_rows(files.table, request.set_id, request.sets_name)
    joined, problems = join(ids, sets, where, strict=request.strict, drop=request.drop)
    names = feature_names(shape, request.features)
    beside, left_out = _beside(files.paths, looks, request.labels)
    description = Description(
        names,
        shape,
        left_out,
        request.checked,
        (*files.problems, *problems),
        notes=tuple(files.notes),
        skipped=dict(files.skipped),
    )
    sizes = np.array([look.shape[0] for look in looks], np.int64)
    fill = partial(_fill, paths=files.paths, ids=ids, sizes=sizes, request=request)
    return filled_store(request.store, sizes, joined, description, fill, dtype=dtype, labels=beside)


def _look(path: Path, *, labels: Sequence[str]) -> _Look:
    """Look at the shape of an array without reading it, and read what goes with it; refuse one that is empty."""
    with held(path) as found:
        shape = tuple(found.elements.shape)
        if 0 in shape or not shape:
            raise EmptySetError(f"{path} must have at least one element; its shape is {shape}. Drop it, {_SKIP}.")
        dtype = as_numpy(found.elements[:1], str(path)).dtype
        columns = _columns(found, path)
        for name in labels:
            if name not in columns and name not in found.beside:
                raise InputError(
                    f"{path} has no labels {name!r}; labels of elements are arrays with one value for each, and it has "
                    f"{listed([*columns, *found.beside]) or 'none'}."
                )
        beside = columns | {name: _label(found.beside[name]) for name in labels if name not in columns}
        return _Look(shape, dtype, beside, tuple(found.beside), found.others)


def _columns(found: Held, path: Path) -> dict[str, np.ndarray]:
    """Return the coordinates, a column each: coords_0 and so on."""
    whole = {name: as_numpy(item[:], f"{path}: {name}") for name, item in found.coordinates.items()}
    return {
        f"{name.rpartition('/')[2]}_{axis}": np.array(values[:, axis], np.float64)
        for name, values in whole.items()
        for axis in range(values.shape[1])
    }


def _label(item: Any) -> np.ndarray:
    values = item.numpy() if hasattr(item, "numpy") else np.asarray(item[:])
    if values.dtype.kind not in "SO":
        return values
    return np.array([x.decode() if isinstance(x, bytes) else str(x) for x in values.tolist()], dtype=object)


def _beside(
    paths: Sequence[Path], looks: Sequence[_Look], labels: Sequence[str]
) -> tuple[dict[str, pa.Array], dict[str, str]]:
    """Return the labels of all elements, and what is no feature of theirs, with the reason."""
    left_out: dict[str, str] = {}
    kept: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for look in looks for name in look.beside):
        lacking = [path.name for path, look in zip(paths, looks, strict=True) if name not in look.beside]
        if lacking:
            left_out[name] = f"it is no feature, and {listed(lacking, 3)} has none"
        else:
            kept[name] = pa.array(np.concatenate([look.beside[name] for look in looks]))
            left_out[name] = LABEL if name in labels else KEPT
    for look in looks:
        left_out |= {name: "it has one value per element" for name in look.names if name not in kept}
        left_out |= look.others
    return kept, left_out


def _check_alike(paths: Sequence[Path], looks: Sequence[_Look]) -> None:
    """Refuse elements of another shape or kind than those of the first file."""
    first = looks[0]
    for path, look in zip(paths, looks, strict=True):
        if look.shape[1:] != first.shape[1:] or (look.dtype.kind == "f") != (first.dtype.kind == "f"):
            raise InputError(
                f"elements must have the same shape and kind in every file, {first.shape[1:]} of {first.dtype} as in "
                f"{paths[0].name}; {path.name} has {look.shape[1:]} of {look.dtype}."
            )


def _fill(
    elements: np.ndarray, *, paths: Sequence[Path], ids: Sequence[str], sizes: np.ndarray, request: ReadRequest
) -> None:
    """Copy the arrays of all files, some elements at a time."""
    place = 0
    step = max(1, _BYTES // max(1, elements[:1].nbytes))
    for path, name, size in zip(paths, ids, sizes.tolist(), strict=True):
        with held(path) as found:
            if found.elements.shape[0] != size:
                raise InputError(f"{path} changed while it was read. Read it again.")
            for start in range(0, size, step):
                with np.errstate(over="ignore"):
                    rows = slice(start, start + step)
                    piece = as_numpy(found.elements[rows], str(path)).reshape(-1, *elements.shape[1:])
                    piece = piece.astype(elements.dtype, copy=False)
                target = elements[place : place + len(piece)]
                target[...] = piece
                if request.strict:
                    check_values(target, np.array([len(target)]), [name], keep_missing=request.keep_missing)
                place += len(piece)
