"""The file of a store: uncompressed Arrow IPC, one row per set, the elements (and their labels) as list columns."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import DTypeLike

from setwise._checks import InputError
from setwise._files import atomic_write, check_new
from setwise.store.processing import Processing
from setwise.store.sparse import SparseElements

FORMAT = 3  # 1 where elements are dense and have no labels, 2 where they are sparse, which older versions read
_KEY = b"setwise"
_LABELS = {b"setwise": b"labels"}  # what marks the column of the elements' labels
_SPARSE = pa.large_list(pa.struct([("column", pa.int32()), ("value", pa.float32())]))


@dataclass(frozen=True)
class Description:
    """The description that a store keeps of itself, beside the sets.

    Attributes:
        features: names of the columns of an element, in their order.
        shape: trailing shape of an element; ``(D,)`` for vectors, ``()`` for categories.
        left_out: columns of the source that are not features, and why.
        checked: whether all elements are known to be finite; false for what was read to be inspected alone.
        problems: what was found wrong while reading to inspect.
        processing: what was done to the elements between their source and the store.
        notes: what people should know of the reading, one sentence each.
        skipped: files and sets that were left out because they could not be read or did not fit, and why.
        set_id: the column that named the sets; none where it is not known.
        choices: of reading that were made (`setwise.readers.reading.Reading`), by name.
        changes: columns of the source that are no columns of the sets, with the first set in which each changes.
    """

    features: tuple[str, ...]
    shape: tuple[int, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True
    problems: tuple[str, ...] = ()
    processing: Processing = field(default_factory=Processing)
    notes: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    set_id: str | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)

    def to_json(self, version: int = 1) -> bytes:
        """Return the description as it is kept in the schema of a file of some version."""
        return json.dumps(
            {
                "format": version,
                "features": self.features,
                "shape": self.shape,
                "left_out": dict(self.left_out),
                "checked": self.checked,
                "problems": self.problems,
                "processing": self.processing.to_dict(),
                "notes": self.notes,
                "skipped": dict(self.skipped),
                "set_id": self.set_id,
                "choices": dict(self.choices),
                "changes": dict(self.changes),
            }
        ).encode()

    @classmethod
    def from_json(cls, text: bytes, path: Path) -> "Description":
        """Read a description back; a file of a newer version is refused."""
        try:
            values = json.loads(text)
            version = int(values["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged: its description cannot be read. Write it again.") from error
        if version > FORMAT:
            raise InputError(
                f"{path} was written by a newer version of setwise (store format {version}, "
                f"this version reads up to {FORMAT}). Install a newer setwise."
            )
        names = ("features", "shape", "left_out", "checked", "problems")
        if missing := [name for name in names if name not in values]:
            raise InputError(f"{path} is damaged: its description has no {missing[0]!r}. Write it again.")
        features, shape, left_out, checked, problems = (values[name] for name in names)
        try:
            processing = Processing.from_dict(values.get("processing", {}))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged: its processing cannot be read. Write it again.") from error
        more = (processing, tuple(values.get("notes", ())), values.get("skipped", {}))
        more = (*more, values.get("set_id"), values.get("choices", {}), values.get("changes", {}))
        return cls(tuple(features), tuple(shape), left_out, checked, tuple(problems), *more)


@dataclass(frozen=True)
class Contents:
    elements: torch.Tensor | SparseElements  # (N, ...)
    offsets: np.ndarray  # (B + 1,) int64
    sets: pa.Table
    description: Description
    labels: Mapping[str, pa.Array] = field(default_factory=dict)  # (N,) each
    begins: int = 0  # where in the file dense elements lie, in bytes


@contextmanager
def new_file(
    path: Path,
    sizes: np.ndarray,
    sets: pa.Table,
    description: Description,
    *,
    dtype: DTypeLike,
    labels: Mapping[str, pa.Array] | None = None,
) -> Iterator[np.ndarray]:
    """Write a store with zeros for elements and hand out the elements ``(N, ...)`` to be filled in place.

    The file gets its name only when the block ends without an error. Room on the disk is taken before the block
    begins, so that a full disk is an error here and nowhere later.
    """
    check_new(path)
    total, width = int(sizes.sum()), math.prod(description.shape)
    num_bytes = total * width * np.dtype(dtype).itemsize
    with atomic_write(path) as aside:
        with TemporaryFile(dir=path.parent) as zeros:  # a hole: no room on the disk, no memory
            zeros.truncate(num_bytes)
            hole = np.memmap(zeros, dtype=np.uint8, mode="r", shape=(num_bytes,))
            _write(aside, pa.py_buffer(hole), sizes, sets, description, np.dtype(dtype), labels or {})
            del hole
        target = np.memmap(
            aside, dtype=dtype, mode="r+", offset=open_file(aside).begins, shape=(total, *description.shape)
        )
        yield target
        target.flush()
        del target


def _write(
    path: Path,
    data: pa.Buffer,
    sizes: np.ndarray,
    sets: pa.Table,
    description: Description,
    dtype: np.dtype,
    labels: Mapping[str, pa.Array],
) -> None:
    arrow_type = pa.from_numpy_dtype(dtype)
    width = math.prod(description.shape)
    values = pa.Array.from_buffers(arrow_type, int(sizes.sum()) * width, [None, data])
    elements = pa.LargeListArray.from_arrays(
        pa.array(offsets_of(sizes)), pa.FixedSizeListArray.from_arrays(values, width)
    )
    _write_lists(path, elements, sets, description.to_json(FORMAT if labels else 1), labels)


def write_sparse(
    path: Path,
    elements: SparseElements,
    sizes: np.ndarray,
    sets: pa.Table,
    description: Description,
    labels: Mapping[str, pa.Array],
) -> None:
    """Write a store of sparse elements: each a list of columns and values; whole or not at all."""
    check_new(path)
    entries = pa.StructArray.from_arrays(
        [pa.array(elements.columns, pa.int32()), pa.array(elements.values, pa.float32())], ["column", "value"]
    )
    rows = pa.LargeListArray.from_arrays(pa.array(elements.begins, pa.int64()), entries)
    lists = pa.LargeListArray.from_arrays(pa.array(offsets_of(sizes)), rows)
    with atomic_write(path) as aside:
        _write_lists(aside, lists, sets, description.to_json(FORMAT if labels else 2), labels)


def _write_lists(
    path: Path, elements: pa.Array, sets: pa.Table, description: bytes, labels: Mapping[str, pa.Array]
) -> None:
    columns = [sets[name].combine_chunks() for name in sets.column_names]
    fields = list(sets.schema.remove_metadata())
    if labels:
        beside = pa.StructArray.from_arrays(list(labels.values()), list(labels))
        columns.append(pa.LargeListArray.from_arrays(elements.offsets, beside))
        fields.append(pa.field("labels", columns[-1].type, metadata=_LABELS))
    schema = pa.schema([*fields, pa.field("elements", elements.type)], metadata={_KEY: description})
    batch = pa.RecordBatch.from_arrays([*columns, elements], schema=schema)
    large = pa.ipc.IpcWriteOptions(allow_64bit=True)  # more than 2^31 numbers in all sets together
    with path.open("wb") as sink, pa.ipc.new_file(sink, schema, options=large) as writer:
        writer.write_batch(batch)


def open_file(path: Path) -> Contents:
    """Map a store on disk; refuse a missing, damaged, foreign or newer file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}.")
    try:
        whole = pa.memory_map(str(path)).read_buffer()
        batch = pa.ipc.open_file(pa.BufferReader(whole)).get_batch(0)
        batch.schema.names  # noqa: B018 - decodes them
    except (pa.ArrowException, OSError, IndexError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged or no store of setwise: {error}. Write it again.") from error
    text = (batch.schema.metadata or {}).get(_KEY)
    if text is None:
        raise InputError(
            f"{path} is an Arrow file, but no store of setwise. Convert it to Parquet to read it as a table."
        )
    description = Description.from_json(text, path)
    lists = batch.columns[-1]
    _check_whole(batch, description, path)
    sparse = pa.types.is_large_list(lists.type.value_type)
    values = lists.values.values
    elements = (
        _sparse(lists.values, description, path) if sparse else torch.from_dlpack(values).view(-1, *description.shape)
    )
    begins = 0 if sparse else values.buffers()[1].address - whole.address
    labelled = _is_labelled(batch)
    sets = pa.Table.from_batches([batch]).select(range(batch.num_columns - 1 - labelled)).replace_schema_metadata()
    beside = batch.columns[-2].values if labelled else None
    labels = {} if beside is None else {part.name: beside.field(i) for i, part in enumerate(beside.type)}
    return Contents(elements, lists.offsets.to_numpy(), sets, description, labels, begins)


def read_ahead(path: Path, spans: Iterable[tuple[int, int]]) -> None:
    """Ask the system to read parts of a file, (first byte, bytes), into its cache while this process goes on.

    Pages of a map that are not in the cache are read one fault after the other, each with its surroundings, which may
    be much larger than a set. Does nothing where the system has no such call.
    """
    if not hasattr(os, "posix_fadvise"):  # macOS, Windows
        return
    with suppress(OSError), path.open("rb") as file:
        for start, length in spans:
            os.posix_fadvise(file.fileno(), start, length, os.POSIX_FADV_WILLNEED)


def _is_labelled(batch: pa.RecordBatch) -> bool:
    return batch.num_columns > 1 and batch.schema.field(batch.num_columns - 2).metadata == _LABELS


def _check_whole(batch: pa.RecordBatch, description: Description, path: Path) -> None:
    """Refuse a store whose parts do not fit each other; the values of the elements are not looked at."""
    lists = batch.columns[-1]
    damaged = f"{path} is damaged: its %s do not fit each other. Write it again."
    inner = lists.type.value_type if pa.types.is_large_list(lists.type) else pa.null()
    if not pa.types.is_fixed_size_list(inner) and inner != _SPARSE:
        raise InputError(damaged % "columns")
    try:
        batch.validate()
        batch.select(range(batch.num_columns - 1)).validate(full=True)
    except pa.ArrowException as error:
        raise InputError(damaged % f"columns ({error})") from error
    offsets, width = lists.offsets.to_numpy(), math.prod(description.shape)
    if _is_labelled(batch) and not np.array_equal(batch.columns[-2].offsets.to_numpy(), offsets):
        raise InputError(damaged % "labels")
    whole = inner == _SPARSE or (
        lists.type.value_type.list_size == width and len(lists.values) * width == len(lists.values.values)
    )
    if not whole or offsets[0] != 0 or offsets[-1] != len(lists.values) or (np.diff(offsets) < 1).any():
        raise InputError(damaged % "sizes")


def _sparse(rows: pa.Array, description: Description, path: Path) -> SparseElements:
    begins, entries = rows.offsets.to_numpy(), rows.values
    columns, values = (entries.field(part).to_numpy() for part in range(2))
    width = math.prod(description.shape)
    fits = begins[0] == 0 and begins[-1] == len(entries) and (np.diff(begins) >= 0).all()
    if not fits or (len(columns) and not 0 <= int(columns.min()) <= int(columns.max()) < width):
        raise InputError(f"{path} is damaged: its entries do not fit each other. Write it again.")
    return SparseElements(begins, columns, values, width)


def is_store(path: Path) -> bool:
    """Return whether an Arrow file is a store, not a table; true if it cannot be read, for `open_file` to say why."""
    if not path.is_file():
        return True
    try:
        with pa.memory_map(str(path)) as mapped:
            schema = pa.ipc.open_file(mapped).schema
    except (pa.ArrowException, OSError):
        return True
    return _KEY in (schema.metadata or {})


def offsets_of(sizes: np.ndarray) -> np.ndarray:
    """Return ``(B + 1,)``: where each set begins and the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def stamp(path: Path) -> tuple[int, int]:
    """Return size and time of change of a file, by which a store knows that it is still the same."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"the store {path} is gone: {error.strerror}.") from error
    return status.st_size, status.st_mtime_ns
