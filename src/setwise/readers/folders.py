"""Read a folder, a pattern or a list of files, each of them a set: arrays, or tables with a row per element."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.arrays import as_numpy, check_values, feature_names, store_dtype
from setwise.readers.files import SetFiles, find_files, opened_files
from setwise.readers.formats.folders import Folders
from setwise.readers.formats.hdf5 import Hdf5
from setwise.readers.paths import label_of
from setwise.readers.per_set import join, named_rows
from setwise.readers.reader import packages_of
from setwise.readers.request import ReadRequest
from setwise.readers.tables.long import read_long
from setwise.store.file import Description, offsets_of
from setwise.store.filled import filled_store
from setwise.store.ids import unify
from setwise.store.kinds import is_number, is_text, to_float64
from setwise.store.store import SetStore
from setwise.store.suffixes import TABLE_SUFFIXES, stem_of, suffix_of
from setwise.store.tables import BLOCK, LazyTable, listed, open_table, reading

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_SAME = {".hdf5": ".h5", ".pq": ".parquet", ".tab": ".tsv"}  # suffixes of one format
_BYTES = 1 << 26  # of an array, read at a time
_SKIP = "or leave it out (--skip-bad)"


def read_folder(source: Any, request: ReadRequest) -> SetStore:
    """Read one file per set: all are looked at first, then read one after the other into one place.

    Sets are named by the table of sets, else by their files, without the suffix and below the folder. Columns of tables
    keep their names; features of arrays ``(n_i, D)`` are x0, x1 and so on, or as the request names them. A file whose
    column ``set_id`` names a set must name one alone.

    Args:
        source: a folder, a pattern, a file or a list of files.
        request: what is asked of reading.

    Raises:
        InputError: files of several formats or features; one that is empty or cannot be read, unless ``skip_bad``; a
            table of sets that does not fit.
    """
    files = find_files(source, request, kind=Folders.name, is_one=partial(_is_one, request=request), id_of=_id_of)
    suffix = _check_one_format(files.paths)
    _check_ids(files, source)
    if suffix in TABLE_SUFFIXES:
        return _read_tables(files, request)
    request.refuse_labels(f"a folder of {suffix} files")
    return _read_arrays(files, request)


def _is_one(path: Path, request: ReadRequest) -> bool:
    """Return whether a file of a folder is a set: of a known suffix, and not the table of sets."""
    return suffix_of(path) in Folders.suffixes and not (
        request.sets_name and Path(request.sets_name).is_file() and path.samefile(request.sets_name)
    )


def _id_of(path: Path, root: Path) -> str:
    """Return the name of a set: that of its file below the folder, without the suffix."""
    label = label_of(path, root)
    return label[: label.rfind("/") + 1] + stem_of(path)


def _check_one_format(paths: Sequence[Path]) -> str:
    """Return the suffix of all files; refuse those of several formats."""
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        suffix = suffix_of(path)
        kinds.setdefault(_SAME.get(suffix, suffix), []).append(path)
    if len(kinds) > 1:
        told = "; ".join(f"{len(own)} {suffix} ({listed([x.name for x in own], 2)})" for suffix, own in kinds.items())
        most = max(kinds, key=lambda suffix: len(kinds[suffix]))
        raise InputError(
            f"all files must be of one format, each of them a set; got {told}. Name those that are meant by a pattern, "
            f"such as '{paths[0].parent / ('*' + most)}', and a table of sets with --sets."
        )
    return next(iter(kinds), "")


def _check_ids(files: SetFiles, source: Any) -> None:
    first: dict[str, Path] = {}
    for name, path in zip(files.ids, files.paths, strict=True):
        if first.setdefault(name, path) != path:
            raise InputError(
                f"{source}: every file must be another set; {first[name].name} and {path.name} are both set {name!r}. "
                "Rename one, or name the sets in a table of sets (--sets)."
            )


# Tables


@dataclass(frozen=True)
class _Look:
    """The columns of a table but for that which names its set, and its number of rows."""

    schema: pa.Schema
    rows: int


def _read_tables(files: SetFiles, request: ReadRequest) -> SetStore:
    """Read tables as one long table, whose rows belong to the sets of their files."""
    files, looks = opened_files(files, partial(_look, set_id=request.set_id), request, kind=Folders.name)
    schema = _one_schema(files.paths, looks, request)
    where = str(files.paths[0].parent)
    ids = unify(files.ids, request.sets_name or where)
    table = LazyTable(
        where,
        schema.insert(0, pa.field(request.set_id, pa.string())),
        partial(_rows, schema=schema, paths=files.paths, ids=ids, set_id=request.set_id),
        partial(_place, offsets=offsets_of(np.array([look.rows for look in looks])), paths=files.paths),
    )
    sets = None if files.table is None else named_rows(files.table, request.set_id, request.sets_name)
    return read_long(table, request, sets, skipped=files.skipped, problems=files.problems)


def _open(path: Path, set_id: str) -> LazyTable:
    return open_table(path, set_id=set_id, stream=path.stat().st_size > BLOCK)


def _look(path: Path, set_id: str) -> _Look:
    """Look at the columns of a table, and count its rows; refuse one that is empty or holds several sets."""
    table = _open(path, set_id)
    names = set_id if set_id in table.columns else table.columns[0]
    rows, found = 0, set()
    for batch in table.read([names]):
        rows += batch.num_rows
        if names == set_id:
            found.update(pc.unique(batch[names]).to_pylist())
    if not rows:
        raise InputError(f"{path} must have at least one element, and has no rows. Drop it, {_SKIP}.")
    if len(found) > 1:
        raise InputError(
            f"{path} must hold one set, and has {len(found)} in column {set_id!r}. Put such tables together into one, "
            "which is read by itself, or name another column (--set-id)."
        )
    place = table.schema.get_field_index(set_id)
    return _Look(table.schema if place < 0 else table.schema.remove(place), rows)


def _one_schema(paths: Sequence[Path], looks: Sequence[_Look], request: ReadRequest) -> pa.Schema:
    """Return the columns that all tables have, with types that hold all of their values.

    Raises:
        InputError: a table of other columns than the first, or without those that were named.
    """
    wanted = None if request.features is None else [*request.features, *request.labels]
    first = looks[0].schema
    names = first.names if wanted is None else [name for name in first.names if name in wanted]
    for path, look in zip(paths, looks, strict=True):
        lacking = [name for name in (names if wanted is None else wanted) if name not in look.schema.names]
        more = [] if wanted is not None else [name for name in look.schema.names if name not in names]
        if lacking or more:
            told = " and ".join(
                f"{verb} {listed(found)}" for verb, found in (("lacks", lacking), ("has", more)) if found
            )
            advice = "" if wanted is not None else " Name the columns to be used (--features)."
            raise InputError(
                f"all files must have the same columns, {listed(names if wanted is None else wanted)} as in "
                f"{paths[0].name}; {path.name} {told}.{advice}"
            )
    return pa.schema([(name, _common([look.schema.field(name).type for look in looks])) for name in names])


def _common(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """Return the type of a column that has these types in several files."""
    known = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if len(known) <= 1:
        return known[0] if known else pa.null()
    if any(is_text(kind) for kind in known):
        return pa.string()
    return pa.float64() if all(is_number(kind) for kind in known) else known[0]


def _rows(
    columns: Sequence[str], *, schema: pa.Schema, paths: Sequence[Path], ids: Sequence[str], set_id: str
) -> Iterator[pa.RecordBatch]:
    """Yield rows of all files, one file after the other, each row with the name of its set."""
    own = [name for name in columns if name != set_id] or schema.names[:1]
    for path, name in zip(paths, ids, strict=True):
        for batch in _open(path, set_id).read(own):
            codes = pa.array(np.zeros(batch.num_rows, np.int32))
            values = {column: _as(batch[column], schema.field(column).type) for column in own}
            values[set_id] = pa.DictionaryArray.from_arrays(codes, pa.array([name]))
            yield pa.RecordBatch.from_arrays([values[column] for column in columns], names=list(columns))


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column in the type that it has over all files."""
    if values.type == kind:
        return values
    if pa.types.is_null(values.type) or not pa.types.is_floating(kind):
        return values.cast(kind)
    return pa.array(to_float64(values), from_pandas=True)


def _place(row: int, *, offsets: np.ndarray, paths: Sequence[Path]) -> str:
    """Return how errors name a row of all files together."""
    file = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"row {row - int(offsets[file]) + 1} of {paths[file].name}"


# Arrays


@dataclass(frozen=True)
class _Shape:
    shape: tuple[int, ...]
    dtype: np.dtype


def _read_arrays(files: SetFiles, request: ReadRequest) -> SetStore:
    """Read arrays whose shapes are known before, one after the other into one place."""
    files, looks = opened_files(files, _shape, request, kind=Folders.name)
    first = looks[0]
    for path, look in zip(files.paths, looks, strict=True):
        if look.shape[1:] != first.shape[1:] or (look.dtype.kind == "f") != (first.dtype.kind == "f"):
            raise InputError(
                f"elements must have the same shape and kind in every file, {first.shape[1:]} of {first.dtype} as in "
                f"{files.paths[0].name}; {path.name} has {look.shape[1:]} of {look.dtype}."
            )
    shape, dtype = store_dtype(first.shape[1:], np.result_type(*{look.dtype for look in looks}))
    where = request.sets_name or str(files.paths[0].parent)
    ids = unify(files.ids, where)
    sets = None if files.table is None else named_rows(files.table, request.set_id, request.sets_name)
    joined, problems = join(ids, sets, where, strict=request.strict)
    names = feature_names(shape, request.features)
    description = Description(
        names, shape, {}, request.checked, (*files.problems, *problems), skipped=dict(files.skipped)
    )
    sizes = np.array([look.shape[0] for look in looks], np.int64)
    fill = partial(_fill, paths=files.paths, ids=ids, sizes=sizes, request=request)
    return filled_store(request.store, sizes, joined, description, fill, dtype=dtype)


def _fill(
    elements: np.ndarray, *, paths: Sequence[Path], ids: Sequence[str], sizes: np.ndarray, request: ReadRequest
) -> None:
    """Copy the arrays of all files, some elements at a time."""
    place = 0
    step = max(1, _BYTES // max(1, elements[:1].nbytes))
    for path, name, size in zip(paths, ids, sizes.tolist(), strict=True):
        with _array(path) as array:
            if len(array) != size:
                raise InputError(f"{path} changed while it was read. Read it again.")
            for start in range(0, size, step):
                with np.errstate(over="ignore"):
                    piece = as_numpy(array[start : start + step], str(path)).reshape(-1, *elements.shape[1:])
                    piece = piece.astype(elements.dtype, copy=False)
                target = elements[place : place + len(piece)]
                target[...] = piece
                if request.strict:
                    check_values(target, np.array([len(target)]), [name], keep_missing=request.keep_missing)
                place += len(piece)


def _shape(path: Path) -> _Shape:
    """Look at the shape of an array without reading it; refuse one that is empty or holds no numbers."""
    with _array(path) as array:
        shape = tuple(array.shape)
        if 0 in shape or not shape:
            raise InputError(f"{path} must have at least one element; its shape is {shape}. Drop it, {_SKIP}.")
        return _Shape(shape, as_numpy(array[:1], str(path)).dtype)


@contextmanager
def _array(path: Path) -> Iterator[Any]:
    """Open the array of a file, of which only what is looked at is read.

    Raises:
        InputError: a file that cannot be read, or that holds more than one array.
    """
    opener: Callable[[Path], Any] = {".npy": _numpy, ".pt": _torch}.get(suffix_of(path), _hdf5)
    with opener(path) as array:
        yield array


@contextmanager
def _numpy(path: Path) -> Iterator[Any]:
    with reading(path, ValueError, EOFError):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    yield array


@contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    (h5py,) = packages_of(Hdf5())
    with reading(path, RuntimeError, KeyError), h5py.File(path, "r") as file:
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({name: item}) if hasattr(item, "shape") else None)
        yield _only(path, {name: item for name, item in found.items() if len(item.shape) >= 2}, found, "data set")


@contextmanager
def _torch(path: Path) -> Iterator[Any]:
    with reading(path, RuntimeError, EOFError):
        try:
            held = _load(path)
        except pickle.UnpicklingError as error:
            raise InputError(
                f"{path} is no file of torch.save, or holds more than tensors, which would have to be executed: it is "
                "not read. Save the tensor alone: torch.save(tensor, path)."
            ) from error
    found = held if isinstance(held, dict) else {"tensor": held}
    yield _only(path, {name: x for name, x in found.items() if isinstance(x, torch.Tensor) and x.ndim}, found, "tensor")


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # a file of an older torch, which cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True)


def _only(path: Path, candidates: dict[str, Any], found: dict[str, Any], noun: str) -> Any:
    """Return the only array of a file; of several, none is guessed to be the one that is meant."""
    if len(candidates) != 1:
        held = listed([f"{name} {tuple(getattr(item, 'shape', ()))}" for name, item in found.items()])
        raise InputError(
            f"{path} must hold one {noun} (elements, features); it holds {held or 'none'}. Keep the "
            "elements alone in it."
        )
    return next(iter(candidates.values()))
