"""Hold the parts of an AnnData, or of a matrix of cells, that are read."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cells:
    """The parts of an AnnData that are read.

    Attributes:
        name: how errors name it.
        obs: pandas data frame, a row per cell.
        matrix: slices of it are arrays or scipy's sparse matrices.
        features: names of its columns.
        what: was taken, of X, layers and obsm.
    """

    name: str
    obs: Any
    matrix: Any
    features: list[str]
    what: str
