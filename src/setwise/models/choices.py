"""Choices that several families have: words, bounds and what they mean."""

from typing import Annotated

from pydantic import Field

from setwise._checks import InputError
from setwise.models.spec import OneOf
from setwise.variants import NORMS

RESIDUALS = ("equivariant", "mean", "max", "sum")
PATHS = ("clean", "non-clean")

Width = Annotated[int, Field(gt=0, description="W, hidden features")]
Norm = Annotated[
    str,
    OneOf(tuple(NORMS)),
    Field(
        description='the normalisation; "feature" has running statistics in evaluation, "feature-by-element" and '
        '"feature-by-set" the batch\'s own'
    ),
]
Residual = Annotated[
    str,
    OneOf(("none", *RESIDUALS)),
    Field(description="what a residual connection adds: the element itself (equivariant), or its set pooled"),
]


def check_residual(residual: str, path: str | None) -> None:
    """Refuse residuals and paths that the paper does not define for a residual block."""
    if path == "non-clean" and residual != "equivariant":
        raise InputError(
            f"aggregated residuals are defined on the clean path alone; got residual={residual!r} with "
            "path='non-clean'. Use path='clean', or residual='equivariant'."
        )


def crossing(norm: str) -> str | None:
    """Return a norm as a choice, ``norm='feature'``, where its statistics cross the sets of a batch; else none."""
    from setwise.layers import make_norm  # torch, which describing a model does not wait for

    return f"norm={norm!r}" if make_norm(norm, 1).crosses_sets() else None
