"""Choices that several families have: words, bounds and what they mean."""

from typing import Annotated

from pydantic import Field

from setwise.models.spec import OneOf
from setwise.variants import NORMS, RESIDUALS

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
    from setwise.layers import residual as layers  # torch, which describing a model does not wait for

    layers.check_residual(residual, path)


def crossing(norm: str) -> str | None:
    """Return a norm as a choice, ``norm='feature'``, where its statistics cross the sets of a batch; else none."""
    from setwise.layers import make_norm  # torch, which describing a model does not wait for

    return f"norm={norm!r}" if make_norm(norm, 1).crosses_sets() else None


def growing(pool: str | None) -> str | None:
    """Return a pooling as a choice, ``pool='sum'``, where it grows with the size of a set; else none."""
    if pool is None:
        return None
    from setwise.layers import make_pooling
    from setwise.layers.containers import grows_with_size

    return f"pool={pool!r}" if grows_with_size(make_pooling(pool, 1)) else None
