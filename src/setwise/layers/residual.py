"""Residual connections: the element itself is added, or what its set aggregates to."""

from abc import ABC, abstractmethod

from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.batch import SetLayout
from setwise.layers.poolings.pooling import REDUCTIONS
from setwise.layers.poolings.reduction import Reduction
from setwise.ops import to_elements
from setwise.streaming.rows import Function, Rows, same
from setwise.variants import AGGREGATED, PATHS


class ResidualConnection(ABC):
    """The interface of a residual connection."""

    @abstractmethod
    def term(self, x: Tensor, layout: SetLayout) -> Tensor:
        """Return what is added to each element, ``(N, W)``."""

    @abstractmethod
    def on_rows(self, rows: Rows) -> Function:
        """Return what is added to each of these rows, as a function of the row."""

    @abstractmethod
    def ties(self) -> tuple[str, ...]:
        """Return what of it ties elements of a set together, in words."""


class Equivariant(ResidualConnection):
    """The element itself."""

    def term(self, x: Tensor, layout: SetLayout) -> Tensor:  # noqa: ARG002 - no element looks at its set
        return x

    def on_rows(self, rows: Rows) -> Function:  # noqa: ARG002
        return same

    def ties(self) -> tuple[str, ...]:
        return ()


class Aggregated(ResidualConnection):
    """The vector that the element's set is pooled to.

    Args:
        reduction: how it is pooled.
    """

    def __init__(self, reduction: Reduction):
        self.reduction = reduction

    def term(self, x: Tensor, layout: SetLayout) -> Tensor:
        return to_elements(self.reduction.reduce(x, layout), layout)

    def on_rows(self, rows: Rows) -> Function:
        pooled = self.reduction.stream(rows)
        return lambda _: pooled

    def ties(self) -> tuple[str, ...]:
        return ("aggregated residuals",)


RESIDUALS: dict[str, ResidualConnection] = {
    "equivariant": Equivariant(),
    **{word: Aggregated(REDUCTIONS[word]) for word in AGGREGATED},
}


def check_residual(residual: str, path: str | None) -> None:
    """Refuse residuals and paths that the paper does not define for a residual block."""
    check_choice("residual", residual, tuple(RESIDUALS))
    check_choice("path", path, PATHS)
    if path == "non-clean" and residual != "equivariant":
        raise InputError(
            f"aggregated residuals are defined on the clean path alone; got residual={residual!r} with "
            "path='non-clean'. Use path='clean', or residual='equivariant'."
        )
