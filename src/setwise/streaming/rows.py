"""Elements of one set, never all at once: rows that are stored, and functions still to be applied to each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from setwise.ops.reduce import widened
from setwise.streaming.folds import Moments
from setwise.streaming.scratch import Scratch, make_scratch

Function = Callable[[Tensor], Tensor]


class HostElements(Protocol):
    """The elements of a set as they come, on the host."""

    def __len__(self) -> int:
        """Return n, elements of the set."""
        ...

    def read(self, start: int, stop: int) -> Tensor:
        """Return the elements ``(stop - start, ...)`` from ``start`` to ``stop - 1``."""
        ...


@dataclass(eq=False)
class Sweeper:
    """The way through all rows of one set, a chunk at a time.

    Attributes:
        count: n, elements of the set.
        chunk: elements at a time.
        device: where to compute.
        memory_limit: bytes of activations in memory, or none for what is free.
        on_rows: told how many rows were gone through, after each chunk.
        sweeps: how often all rows were gone through.
    """

    count: int
    chunk: int
    device: torch.device
    memory_limit: int | None = None
    on_rows: Callable[[int], None] | None = None
    sweeps: int = 0
    _scratch: Scratch | None = field(default=None, repr=False)
    _replaced: Scratch | None = field(default=None, repr=False)
    _written: int = 0  # how often the scratch was overwritten

    def sweep(self, rows: "Rows", visit: Callable[[Tensor], None]) -> None:
        """Compute all rows in order, show them to ``visit``, and store the last ones on the way that are to be kept."""
        chain = rows.chain()
        source = chain[0].source
        assert source is not None
        assert chain[0].written in (None, self._written), "these rows were overwritten by later ones"
        kept = next((link for link in reversed(chain) if link.keep), None)
        for start in range(0, self.count, self.chunk):
            stop = min(start + self.chunk, self.count)
            values = source.read(start, stop).to(self.device)
            for link in chain:
                if link.function is not None:
                    values = link.function(values)
                if link is kept:
                    self._room(values).write(start, values)
            visit(values)
            if self.on_rows is not None:
                self.on_rows(stop - start)
        self.sweeps += 1
        if kept is not None:
            self._written += 1
            kept.settle(self._scratch, self._written)
            if self._replaced is not None:
                self._replaced.close()

    def close(self) -> None:
        """Give back what the stored rows took."""
        for scratch in (self._scratch, self._replaced):
            if scratch is not None:
                scratch.close()

    def _room(self, like: Tensor) -> Scratch:
        """Return room for rows like these, in the place of those before, which were read already."""
        if self._scratch is None or self._scratch.shape[1:] != like.shape[1:]:
            self._replaced, self._scratch = self._scratch, None  # may be read until the end of the sweep
            self._scratch = make_scratch(self.count, like, self.memory_limit)
        return self._scratch


class Rows:
    """One row per element of a set: a function of stored rows, each by itself.

    Args:
        sweeper: how to go through them.
        source: rows that are stored, or
        parent: rows that ``function`` is applied to.
        function: maps ``(n, ...)`` to ``(n, ...)``, row by row, for any n; writes nothing in place.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        *,
        source: HostElements | Scratch | None = None,
        parent: "Rows | None" = None,
        function: Function | None = None,
    ):
        self.sweeper, self.source, self.parent, self.function = sweeper, source, parent, function
        self.keep = False
        self.written: int | None = None  # the state of the scratch that these rows are, where they lie there
        self._moments: dict[bool, Moments] = {}

    def map(self, function: Function) -> "Rows":
        """Return rows with a function applied to each, once they are needed."""
        return Rows(self.sweeper, parent=self, function=function)

    def kept(self) -> "Rows":
        """Return the same, which the next sweep stores in the place of all rows before, which cannot be read again."""
        self.keep = self.parent is not None
        return self

    def sweep(self, visit: Callable[[Tensor], None]) -> None:
        """Go through all rows once."""
        self.sweeper.sweep(self, visit)

    def moments(self, *, per_feature: bool) -> Moments:
        """Return mean and variance of all rows; swept for once."""
        if per_feature not in self._moments:
            moments = Moments(per_feature=per_feature)
            self.sweep(moments.add)
            self._moments[per_feature] = moments
        return self._moments[per_feature]

    def chain(self) -> list["Rows"]:
        """Return the rows from stored ones to these."""
        chain: list[Rows] = [self]
        while chain[-1].parent is not None:
            chain.append(chain[-1].parent)
        return chain[::-1]

    def settle(self, scratch: Scratch | None, written: int) -> None:
        """Make these rows what the scratch holds from now on."""
        self.source, self.parent, self.function, self.keep, self.written = scratch, None, None, False, written


def columns_at_a_time(rows: Rows, few: int) -> Iterator[Tensor]:
    """Give all rows of a few columns at a time ``(n, few)``, which are held in memory; a sweep for each few."""
    start, width = 0, 1
    while start < width:
        widths, parts = set[int](), list[Tensor]()

        def keep(x: Tensor, start: int = start, widths: set[int] = widths, parts: list[Tensor] = parts) -> None:
            x = widened(x).flatten(1)
            widths.add(x.shape[1])
            parts.append(x[:, start : start + few].clone())

        rows.sweep(keep)
        (width,), start = widths, start + few
        yield torch.cat(parts)


def same(rows: Tensor) -> Tensor:
    """Return rows as they are."""
    return rows
