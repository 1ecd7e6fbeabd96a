"""Elements most of whose features are zero: rows of a compressed matrix, dense only where they are looked at."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class SparseElements:
    """The elements of a store as compressed sparse rows; slices of it are dense tensors.

    Attributes:
        begins: ``(N + 1,)`` int64, where the entries of each element begin and the last one's end.
        columns: ``(E,)`` int32, the feature of each entry.
        values: ``(E,)`` float32, its value.
        width: D, the number of features.
    """

    begins: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return ``(N, D)``."""
        return len(self), self.width

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of the values."""
        return torch.float32

    def __len__(self) -> int:
        return len(self.begins) - 1

    def __getitem__(self, rows: slice) -> torch.Tensor:
        start, stop, _ = rows.indices(len(self))
        first, last = self.begins[start], self.begins[stop]
        return self._dense(self.begins[start : stop + 1] - first, slice(first, last))

    def index_select(self, dim: int, rows: torch.Tensor) -> torch.Tensor:
        """Return some elements ``(n, D)``, dense."""
        assert dim == 0
        chosen = rows.numpy()
        counts = self.begins[chosen + 1] - self.begins[chosen]
        ends = np.cumsum(counts)
        entries = np.arange(counts.sum()) + np.repeat(self.begins[chosen] - (ends - counts), counts)
        return self._dense(np.concatenate([[0], ends]), entries)

    def take(self, columns: np.ndarray) -> "SparseElements":
        """Return the elements with some of their features, in another order where the columns are."""
        places = np.full(self.width, -1, np.int32)
        places[columns] = np.arange(len(columns), dtype=np.int32)
        found = places[self.columns]
        kept = found >= 0
        begins = np.concatenate([[0], np.cumsum(kept)])[self.begins]
        return SparseElements(begins, found[kept], self.values[kept], len(columns))

    def select(self, rows: np.ndarray) -> "SparseElements":
        """Return some of the elements."""
        counts = self.begins[rows + 1] - self.begins[rows]
        begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        entries = np.arange(begins[-1]) + np.repeat(self.begins[rows] - begins[:-1], counts)
        return SparseElements(begins, self.columns[entries], self.values[entries], self.width)

    def new_empty(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Return an empty dense tensor for some of the elements."""
        return torch.empty(shape)

    def _dense(self, begins: np.ndarray, entries: slice | np.ndarray) -> torch.Tensor:
        count = len(begins) - 1
        out = np.zeros((count, self.width), np.float32)
        out[np.repeat(np.arange(count), np.diff(begins)), self.columns[entries]] = self.values[entries]
        return torch.from_numpy(out)
