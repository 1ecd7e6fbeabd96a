"""Make room for elements that are read: memory, or a file that nobody sees where they are more than is free."""

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise.streaming.free import free_memory

_AS_LOADED = 2  # bytes in memory of a byte of text


def allocate(shape: Sequence[int], dtype: np.dtype | type = np.float32) -> np.ndarray:
    """Allocate an array to be filled.

    Where it would take more than the memory that is free, it is a mapped file in the folder for temporary files: its
    pages can be taken back while others are needed, and it is gone with the array, however the process ends.

    Args:
        shape: of the array.
        dtype: of its numbers.

    Raises:
        InputError: there is no space for the file.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    free = free_memory()
    if free is None or size <= free:
        return np.empty(tuple(shape), dtype)
    try:
        with tempfile.TemporaryFile(prefix="setwise-") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a disk that fills up later would kill the process
            return np.asarray(np.memmap(file, dtype, "r+", shape=tuple(shape)))
    except OSError as error:
        raise InputError(
            f"the elements take {size / 2**30:.1f} GiB, more than the {free / 2**30:.1f} GiB of memory that are free, "
            f"and {tempfile.gettempdir()} has no space for them: {error.strerror or error}. Name another folder by the "
            "variable TMPDIR, or keep them in a store (store, --store)."
        ) from error


def is_large(source: object) -> bool:
    """Return whether a file, as text is when it is loaded, would take more than the memory that is free."""
    if not isinstance(source, str | Path) or not Path(source).is_file():
        return False
    free = free_memory()
    return free is not None and _AS_LOADED * Path(source).stat().st_size > free
