"""The interface of poolings without parameters, which treat each feature by itself."""

from abc import ABC, abstractmethod

from torch import Tensor

from setwise.batch import SetLayout
from setwise.streaming.rows import Rows


class Reduction(ABC):
    """A pooling without parameters; `Pooling` makes a layer of it, and residual connections aggregate by it."""

    @abstractmethod
    def reduce(self, x: Tensor, layout: SetLayout) -> Tensor:
        """Return ``(B, ...)`` of elements ``(N, ...)``; invariant."""

    @abstractmethod
    def grows_with_size(self) -> bool:
        """Return whether the result grows with the number of elements, as a sum does."""

    @abstractmethod
    def stream(self, rows: Rows) -> Tensor:
        """Return ``(W,)`` of all rows of one set."""

    @abstractmethod
    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        """Return ``(m, W)``: of elements ``(n, W)`` without the element j, for each of m positions j."""
