"""Storage for the activations of one layer between two sweeps: in memory, or in a file that nobody sees."""

import math
import os
import re
import tempfile
from typing import Protocol

import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.streaming.free import free_memory

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class Scratch(Protocol):
    """Rows that are written once and then read; both in chunks, on the host."""

    shape: tuple[int, ...]

    def read(self, start: int, stop: int) -> Tensor:
        """Return the rows from ``start`` to ``stop - 1``; not to be written to."""
        ...

    def write(self, start: int, rows: Tensor) -> None:
        """Replace the rows from ``start`` on."""
        ...

    def close(self) -> None:
        """Give back what the rows took."""
        ...


def make_scratch(rows: int, like: Tensor, memory_limit: int | None) -> Scratch:
    """Make room for ``rows`` rows that look like those of ``like``.

    Args:
        rows: how many.
        like: ``(n, ...)``, of the same dtype.
        memory_limit: bytes; where the rows take more they lie in a file. By default, what fits the free memory stays
            in memory.

    Raises:
        InputError: the file does not fit the disk.
    """
    shape = (rows, *like.shape[1:])
    needed = math.prod(shape) * like.element_size()
    limit = free_memory() if memory_limit is None else memory_limit
    if limit is not None and needed > limit:
        return _FileScratch(shape, like.dtype, needed)
    return _MemoryScratch(shape, like.dtype)


def parse_bytes(text: str) -> int:
    """Return a number of bytes from words such as ``2GiB``, ``500 MB`` or ``1000000``.

    Raises:
        InputError: anything else.

    Example:
        >>> parse_bytes("2GiB")
        2147483648
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in _UNITS or float(found[1]) == 0:
        raise InputError(
            f"an amount of memory must be a number above zero with a unit, such as 2GiB or 500MB; got {text!r}."
        )
    return int(float(found[1]) * _UNITS[found[2]])


class _MemoryScratch:
    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype):
        self.shape = shape
        self._rows = torch.empty(shape, dtype=dtype)

    def read(self, start: int, stop: int) -> Tensor:
        return self._rows[start:stop]

    def write(self, start: int, rows: Tensor) -> None:
        self._rows[start : start + len(rows)].copy_(rows)

    def close(self) -> None:
        self._rows = self._rows[:0]


class _FileScratch:
    """A temporary file without a name where the system allows it, gone with the process however that ends.

    Read and written, not mapped: pages of a map count as the process's own memory, and a full disk would kill it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, size: int):
        self.shape, self._dtype = shape, dtype
        self._row = size // shape[0]
        self._folder = tempfile.gettempdir()
        self._file = None
        try:
            self._file = tempfile.TemporaryFile(prefix="setwise-", buffering=0)  # noqa: SIM115 - lives as long as self
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file.fileno(), 0, size)
        except OSError as error:
            self.close()
            raise self._explained(error, size) from error

    def read(self, start: int, stop: int) -> Tensor:
        rows = torch.empty((stop - start, *self.shape[1:]), dtype=self._dtype)
        assert self._file is not None
        view = memoryview(rows.view(torch.uint8).numpy().data).cast("B")
        self._file.seek(start * self._row)
        done = 0
        while done < len(view):
            got = self._file.readinto(view[done:])
            assert got, "the scratch file is shorter than what was written"
            done += got
        return rows

    def write(self, start: int, rows: Tensor) -> None:
        assert self._file is not None
        view = memoryview(rows.cpu().contiguous().view(torch.uint8).numpy().data).cast("B")
        done = 0
        try:
            self._file.seek(start * self._row)
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            raise self._explained(error, self.shape[0] * self._row) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _explained(self, error: OSError, size: int) -> InputError:
        return InputError(
            f"the activations of this set need a scratch file of {size / 2**30:.1f} GiB in {self._folder}: "
            f"{error.strerror or error}. Free some space there, name another folder by the variable TMPDIR, "
            "or allow more memory (memory_limit, --memory-limit)."
        )
