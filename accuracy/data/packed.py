"""Read packed files of sets: all elements one set after the other, and the sizes."""

from pathlib import Path

import numpy as np


def unpack(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Read the sets, each ``(n_i, D)`` float32, and their labels from a file with arrays ``x``, ``n`` and ``y``."""
    with np.load(path) as file:
        x, sizes, labels = file["x"].astype(np.float32), file["n"], file["y"]
    return np.split(x, np.cumsum(sizes)[:-1]), labels
