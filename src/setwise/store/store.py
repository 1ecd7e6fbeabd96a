"""The store of sets: an uncompressed Arrow IPC file, mapped into memory, or the same in memory."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import ArrayLike

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.store.file import (
    Contents,
    Description,
    new_file,
    offsets_of,
    open_file,
    read_ahead,
    stamp,
    write_sparse,
)
from setwise.store.labels import tidy_labels
from setwise.store.sparse import SparseElements

_NUMBERS = 1 << 25  # of elements looked at together
_PAGE = 4096  # bytes that a system reads together
_GATHER_BELOW = 256  # elements a set: below it, one gather of rows beats a copy per set


class SetStore:
    """Sets of any sizes with one row of columns (names, targets, covariates) per set.

    In memory (built from arrays) or on disk (`save`, `open`): a file is mapped, not loaded, so sets larger than
    memory work, and a store passes to the workers of a `DataLoader` as a path. Reading checks what enters
    (`setwise.readers.read`); the constructor checks shapes alone.

    Args:
        elements: ``(N, ...)`` the elements of all sets, one set after the other.
        sizes: ``(B,)`` elements of each set.
        sets: one row per set, in the same order, with a column ``set_id`` of distinct strings.
        features: names of the D features of an element; for elements that are no vectors, one name.

    Raises:
        InputError: shapes that do not agree.

    Example:
        >>> store = SetStore(np.ones((5, 2), np.float32), [2, 3], pa.table({"set_id": ["a", "b"]}), features=["x", "y"])
        >>> store
        SetStore(2 sets, 5 elements of shape (2,), in memory)
        >>> store.batch([1, 0])
        SetBatch(2 sets, 5 elements of shape (2,), float32, sizes 2 to 3)
    """

    path: Path | None
    _described: Description | None = None

    def __init__(
        self,
        elements: np.ndarray,
        sizes: ArrayLike,
        sets: pa.Table,
        *,
        features: Sequence[str],
        left_out: Mapping[str, str] | None = None,
    ):
        description = Description(tuple(features), elements.shape[1:], dict(left_out or {}))
        self._keep(elements, np.asarray(sizes, dtype=np.int64), sets, description)

    @classmethod
    def from_description(
        cls,
        elements: np.ndarray | SparseElements,
        sizes: np.ndarray,
        sets: pa.Table,
        description: Description,
        labels: Mapping[str, pa.Array] | None = None,
    ) -> "SetStore":
        """Make a store in memory of what was read, with all that is to be said of it."""
        store = cls.__new__(cls)
        store._keep(elements, sizes, sets, description, labels)
        return store

    def _keep(
        self,
        elements: np.ndarray | SparseElements,
        sizes: np.ndarray,
        sets: pa.Table,
        description: Description,
        labels: Mapping[str, pa.Array] | None = None,
    ) -> None:
        _check_shapes(elements.shape, sizes, sets, description)
        self.path = None
        self._stamp = None
        sparse = isinstance(elements, SparseElements)
        kept = elements if sparse else torch.from_numpy(np.ascontiguousarray(elements))
        tidied = {name: tidy_labels(column, len(kept), name) for name, column in (labels or {}).items()}
        self._loaded: Contents | None = Contents(kept, offsets_of(sizes), sets, description, tidied)

    @classmethod
    def open(cls, path: str | Path) -> "SetStore":
        """Open a store on disk; nothing is read but its end.

        Raises:
            InputError: no such file, a damaged one, one that is not a store, or one of a newer version.
        """
        store = cls.__new__(cls)
        store.path = Path(path).absolute()  # workers may stand elsewhere
        store._loaded = open_file(store.path)
        store._stamp = stamp(store.path)
        return store

    def save(self, path: str | Path) -> "SetStore":
        """Write the store to a new file, whole or not at all, and open it."""
        contents = self._contents
        layout = (self.sizes, self.sets, contents.description)
        if isinstance(contents.elements, SparseElements):
            write_sparse(Path(path), contents.elements, *layout, contents.labels)
            return SetStore.open(path)
        elements = contents.elements.numpy()
        with new_file(Path(path), *layout, dtype=elements.dtype, labels=contents.labels) as target:
            target[...] = elements
        return SetStore.open(path)

    def with_sets(self, sets: pa.Table) -> "SetStore":
        """Return the same elements, not copied, with another table of sets: one row per set, in the same order."""
        return self._with(sets, self.labels)

    def with_labels(self, labels: Mapping[str, Any]) -> "SetStore":
        """Return the same elements, not copied, with other labels ``(N,)``: numbers or text, None or NaN where missing.

        Raises:
            InputError: labels that are not one per element.
        """
        return self._with(self.sets, labels)

    def with_description(self, description: Description) -> "SetStore":
        """Return the same sets, not copied, with another description, which a file of theirs does not have."""
        described = copy(self)
        described._described = description
        described._loaded = replace(self._contents, description=description)
        return described

    def _with(self, sets: pa.Table, labels: Mapping[str, Any]) -> "SetStore":
        elements = self._contents.elements
        kept = elements if isinstance(elements, SparseElements) else elements.numpy()
        return SetStore.from_description(kept, self.sizes, sets, self.description, labels)

    @property
    def sparse(self) -> SparseElements | None:
        """Return the elements as compressed rows, where they are kept so; else none."""
        elements = self._contents.elements
        return elements if isinstance(elements, SparseElements) else None

    @property
    def is_sparse(self) -> bool:
        """Return whether elements are kept as compressed rows, dense only where they are looked at."""
        return self.sparse is not None

    @property
    def _contents(self) -> Contents:
        if self._loaded is None:
            assert self.path is not None
            if stamp(self.path) != self._stamp:
                raise RuntimeError(f"{self.path} changed since it was opened. Open it again.")
            self._loaded = open_file(self.path)
            if self._described is not None:
                self._loaded = replace(self._loaded, description=self._described)
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        kept = {"path": self.path, "_stamp": self._stamp, "_described": self._described}
        return kept | {"_loaded": None if self.path else self._loaded}

    @property
    def description(self) -> Description:
        """Return features, shape of an element, and what reading left out or found wrong."""
        return self._contents.description

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the features of an element, in their order."""
        return self.description.features

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the trailing shape of an element, ``(D,)`` for vectors."""
        return self.description.shape

    @property
    def left_out(self) -> Mapping[str, str]:
        """Return the columns of the source that are not features, and why."""
        return self.description.left_out

    @property
    def sets(self) -> pa.Table:
        """Return one row per set: ``set_id`` and every column of the sets (targets, covariates, group, split)."""
        return self._contents.sets

    @property
    def labels(self) -> Mapping[str, pa.Array]:
        """Return the columns of the elements that are no features, ``(N,)`` each: float64, or text as a dictionary."""
        return self._contents.labels

    @cached_property
    def sizes(self) -> np.ndarray:
        """Return ``(B,)`` int64, elements of each set."""
        return np.diff(self.offsets)

    @property
    def offsets(self) -> np.ndarray:
        """Return ``(B + 1,)`` int64: the elements of set i lie from ``offsets[i]`` to before ``offsets[i + 1]``."""
        return self._contents.offsets

    @property
    def owners(self) -> np.ndarray:
        """Return ``(N,)`` int64, the row of the set that each element belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def set_ids(self) -> list[str]:
        """Return the names of the sets, in their order."""
        return self.sets["set_id"].to_pylist()

    @property
    def num_elements(self) -> int:
        """Return N, the elements of all sets together."""
        return len(self._contents.elements)

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of names of features and sets, sizes, and all values; reads every element once."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps([self.features, self.shape, self.set_ids]).encode())
        digest.update(np.ascontiguousarray(self.sizes).tobytes())
        elements = self._contents.elements
        digest.update(str(elements.dtype).encode())
        for chunk in self.chunks():
            digest.update(np.ascontiguousarray(chunk).data.cast("B"))
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        where = "in memory" if self.path is None else f"at {self.path}"
        return f"SetStore({len(self)} sets, {self.num_elements} elements of shape {self.shape}, {where})"

    def _repr_html_(self) -> str:
        from setwise.store.notebook import store_html  # templates are for notebooks alone

        return store_html(self)

    def elements(self, row: int) -> np.ndarray:
        """Return the elements ``(n_i, ...)`` of the set in one row: a view, not to be written to."""
        start, stop = self._span(row)
        view = self._contents.elements[start:stop].numpy()
        view.flags.writeable = False
        return view

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """Return the places in the store of the elements of the sets in some rows ``(n,)``, set after set."""
        return positions(self.offsets[rows], self.sizes[rows])

    def chunks(self, rows: int = 1 << 18) -> Iterator[np.ndarray]:
        """Yield the elements of all sets in order, at most so many rows at a time, fewer where they are wide."""
        elements = self._contents.elements
        rows = max(1, min(rows, _NUMBERS // math.prod(self.shape)))
        for start in range(0, len(elements), rows):
            yield elements[start : start + rows].numpy()

    def expect(self, rows: np.ndarray, *, max_elements: int | None = None) -> None:
        """Say which sets `batch` will be asked for next, so that those on disk are read while others are computed.

        Args:
            rows: rows of the store.
            max_elements: as for `batch`; a set of which a few elements will be drawn is not read whole.
        """
        contents = self._contents
        if self.path is None or isinstance(contents.elements, SparseElements):
            return
        width = contents.elements.element_size() * math.prod(self.shape)
        sizes = self.sizes[rows]
        if max_elements is not None:
            dense = max_elements * (_PAGE / width) >= sizes  # an element drawn of nearly every page
            rows, sizes = rows[dense], sizes[dense]
        begins = contents.begins + width * self.offsets[rows]
        read_ahead(self.path, zip(begins.tolist(), (width * sizes).tolist(), strict=True))

    def batch(
        self,
        rows: Sequence[int] | np.ndarray,
        *,
        max_elements: int | None = None,
        generator: np.random.Generator | None = None,
    ) -> SetBatch:
        """Return the sets of some rows as a batch; each element is copied once.

        Args:
            rows: rows of the store, in the order of the batch.
            max_elements: of larger sets, so many elements are drawn without replacement (elements, not sets).
            generator: what draws them; needed with ``max_elements``.

        Raises:
            InputError: no rows, or a row that the store does not have.
        """
        return self.batch_with(rows, None, max_elements=max_elements, generator=generator)[0]

    def batch_with(
        self,
        rows: Sequence[int] | np.ndarray,
        beside: torch.Tensor | None,
        *,
        max_elements: int | None = None,
        generator: np.random.Generator | None = None,
    ) -> tuple[SetBatch, torch.Tensor | None]:
        """Return a batch as `batch` does, and what goes with its elements of ``beside`` ``(N, ...)``, if given."""
        rows = np.asarray(rows, dtype=np.int64)
        if rows.ndim != 1 or rows.size == 0:
            raise InputError(f"a batch must hold at least one set; got rows of shape {rows.shape}.")
        if rows.min() < 0 or rows.max() >= len(self):
            raise InputError(f"rows must lie between 0 and {len(self) - 1}; got {rows.min()} to {rows.max()}.")
        if max_elements is not None:
            check_positive(max_elements=max_elements)
            if generator is None:
                raise TypeError("max_elements needs a generator (numpy.random.Generator) that draws elements.")
        starts, sizes = self.offsets[rows], self.sizes[rows]
        kept = sizes if max_elements is None else np.minimum(sizes, max_elements)
        drawn = None if generator is None else _draws(sizes, kept, generator)
        elements = _gather(self._contents.elements, starts, sizes, kept, drawn)
        found = None if beside is None else _gather(beside, starts, sizes, kept, drawn)
        if self.description.checked:
            return SetBatch(elements, SetLayout.from_sizes(torch.from_numpy(kept))), found
        return SetBatch.from_packed(elements, kept, names=[self.set_ids[row] for row in rows]), found

    def _span(self, row: int) -> tuple[int, int]:
        if not 0 <= row < len(self):
            raise IndexError(f"row must lie between 0 and {len(self) - 1}; got {row}.")
        return int(self.offsets[row]), int(self.offsets[row + 1])


def positions(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Count from each start on, as far as its size says, one run after the other ``(sum of sizes,)``."""
    return np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)


def _draws(sizes: np.ndarray, kept: np.ndarray, generator: np.random.Generator) -> list[np.ndarray | None] | None:
    """Draw elements of each set, in order; none of a set that is whole, and nothing where all sets are."""
    if (kept == sizes).all():
        return None
    drawn: list[np.ndarray | None] = []
    for size, keep in zip(sizes.tolist(), kept.tolist(), strict=True):
        chosen = None if keep == size else generator.choice(size, keep, replace=False, shuffle=False)
        drawn.append(None if chosen is None else np.sort(chosen))  # in the order of the file, which the disk likes best
    return drawn


def _gather(
    source: torch.Tensor | SparseElements,
    starts: np.ndarray,
    sizes: np.ndarray,
    kept: np.ndarray,
    drawn: list[np.ndarray | None] | None,
) -> torch.Tensor:
    """Copy ``kept`` elements of each set into one tensor: those that were drawn, or all of a set."""
    total = int(kept.sum())
    if drawn is None:
        if total < _GATHER_BELOW * len(kept):
            return source.index_select(0, torch.from_numpy(positions(starts, kept)))
        spans = zip(starts.tolist(), sizes.tolist(), strict=True)
        return torch.cat([source[start : start + size] for start, size in spans])
    out = source.new_empty((total, *source.shape[1:]))
    position = 0
    for start, size, keep, chosen in zip(starts.tolist(), sizes.tolist(), kept.tolist(), drawn, strict=True):
        piece = out[position : position + keep]
        if chosen is None:
            piece.copy_(source[start : start + size])
        else:
            torch.index_select(source[start : start + size], 0, torch.from_numpy(chosen), out=piece)
        position += keep
    return out


def _check_shapes(shape: tuple[int, ...], sizes: np.ndarray, sets: pa.Table, description: Description) -> None:
    if sizes.ndim != 1 or len(sizes) != sets.num_rows:
        raise InputError(f"sizes and sets must agree; got {len(sizes)} sizes and {sets.num_rows} rows of sets.")
    if len(sizes) == 0 or sizes.min() < 1 or sizes.sum() != shape[0]:
        raise InputError(
            f"sizes must be above zero and add up to the number of elements, {shape[0]}; they add up to {sizes.sum()}."
        )
    names = shape[1] if len(shape) == 2 else 1
    if len(description.features) != names or math.prod(shape[1:]) == 0:
        raise InputError(
            f"elements of shape {shape[1:]} must have {names} names of features; got {list(description.features)}."
        )
    if "set_id" not in sets.column_names:
        raise InputError(f"sets must have a column 'set_id'; got {sets.column_names}.")
