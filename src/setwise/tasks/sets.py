"""Hold many sets of a task in memory, and give batches of them by indexing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.batch import SetBatch, SetLayout


@dataclass(frozen=True, eq=False)
class TaskSets:
    """Sets with their targets. Elements that come back in many sets (images) are kept once, in a pool.

    Attributes:
        pool: ``(P, ...)`` elements; of bytes where they are pixels, floating numbers, or int64 categories.
        members: ``(N,)`` int64, the places in the pool of the elements of all sets one after the other, or none
            where the pool is just that.
        sizes: ``(B,)`` int64, elements of each set.
        targets: ``(B, T)`` float32 numbers, or ``(B,)`` int64 class numbers.
        set_size: the size that all sets share, or none.
        scale: what pixels are divided by, dimensionless.
    """

    pool: Tensor
    members: Tensor | None
    sizes: Tensor
    targets: Tensor
    set_size: int | None
    scale: float = 1.0

    @classmethod
    def of(
        cls,
        pool: Tensor | np.ndarray,
        targets: Tensor | np.ndarray,
        *,
        sizes: int | np.ndarray,
        members: np.ndarray | None = None,
        scale: float = 1.0,
    ) -> Self:
        """Make sets of one size (a number) or of several (an array ``(B,)``).

        Raises:
            InputError: no sets, an empty set, or numbers that do not add up.
        """
        pool, targets = torch.as_tensor(pool), torch.as_tensor(targets)
        count = len(targets)
        each = np.full(count, sizes) if isinstance(sizes, int) else np.asarray(sizes, np.int64)
        elements = len(pool) if members is None else members.size
        if count == 0 or len(each) != count or each.min() < 1 or each.sum() != elements:
            raise InputError(
                f"{count} targets need as many sets of one element at least, {elements} elements in all; "
                f"got {len(each)} sizes that add up to {each.sum() if len(each) else 0}."
            )
        shared = int(each[0]) if (each == each[0]).all() else None
        chosen = None if members is None else torch.from_numpy(members.reshape(-1).astype(np.int64))
        return cls(pool, chosen, torch.from_numpy(each.astype(np.int64)), targets, shared, scale)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the trailing shape of an element; ``(1,)`` for a category by itself."""
        return tuple(self.pool.shape[1:])

    def batch(self, rows: Tensor) -> SetBatch:
        """Return the sets with these numbers ``(b,)`` as a batch, on the device where the sets lie."""
        if self.set_size is not None:
            layout = _uniform(len(rows), self.set_size, self.pool.device)
            if self.members is None:
                elements = self.pool.view(len(self), self.set_size, *self.shape)[rows].flatten(0, 1)
            else:
                elements = self.pool[self.members.view(-1, self.set_size)[rows].flatten()]
        else:
            layout = SetLayout.from_sizes(self.sizes[rows])
            starts = (self.sizes.cumsum(0) - self.sizes)[rows] - layout.offsets[:-1]
            places = torch.arange(layout.num_elements, device=self.pool.device) + starts[layout.set_index]
            elements = self.pool[places if self.members is None else self.members[places]]
        if elements.dtype == torch.uint8:
            elements = elements.float()
        if self.scale != 1.0:
            elements = elements / self.scale
        return SetBatch(elements, layout)

    def first(self, count: int | None) -> "TaskSets":
        """Return the first sets alone; all of them where none is given or fewer are there."""
        if count is None or count >= len(self):
            return self
        elements = int(self.sizes[:count].sum())
        pool, members = (self.pool[:elements], None) if self.members is None else (self.pool, self.members[:elements])
        return replace(self, pool=pool, members=members, sizes=self.sizes[:count], targets=self.targets[:count])

    def to(self, device: torch.device | str) -> "TaskSets":
        """Return the same sets on another device."""
        members = None if self.members is None else self.members.to(device)
        return replace(
            self,
            pool=self.pool.to(device),
            members=members,
            sizes=self.sizes.to(device),
            targets=self.targets.to(device),
        )


@dataclass(frozen=True, eq=False)
class FreshDraws:
    """Sets of which each batch takes other elements: ``elements`` of every set, without replacement.

    The paper keeps one fixed subset for every set and epoch; this is the other choice.

    Attributes:
        sets: all of one size.
        elements: drawn of each.
    """

    sets: TaskSets
    elements: int

    def __len__(self) -> int:
        return len(self.sets)

    def batch(self, rows: Tensor, generator: torch.Generator) -> SetBatch:
        """Return a batch of sets with elements drawn afresh by the generator (on the CPU)."""
        whole = self.sets.batch(rows)
        size = self.sets.set_size
        assert size is not None
        drawn = torch.rand(len(rows), size, generator=generator).argsort(1)[:, : self.elements].to(whole.device)
        places = (drawn + torch.arange(len(rows), device=whole.device)[:, None] * size).flatten()
        return SetBatch(whole.elements[places], _uniform(len(rows), self.elements, whole.device))


@dataclass(frozen=True, eq=False)
class TaskData:
    """Training and test sets of a task.

    Attributes:
        train: training sets, whole; ``draw`` says what is taken of them.
        tests: test sets by name; the first are those of the paper's tables.
        draw: elements drawn afresh of each training set for each batch, or none for all of them.
    """

    train: TaskSets
    tests: Mapping[str, TaskSets]
    draw: int | None = None

    def to(self, device: torch.device | str) -> "TaskData":
        """Return the same data on another device."""
        return replace(
            self, train=self.train.to(device), tests={name: sets.to(device) for name, sets in self.tests.items()}
        )


@lru_cache(maxsize=16)
def _uniform(num_sets: int, set_size: int, device: torch.device) -> SetLayout:
    return SetLayout.uniform(num_sets, set_size, device)
