"""Numbers of the parts of a block, for operators that compute several parts at once."""

from typing import NamedTuple

from torch import Tensor


class SetNormNumbers(NamedTuple):
    """Numbers of a set norm.

    Attributes:
        weight: ``(W,)``, scale of each feature.
        bias: ``(W,)``, shift of each feature.
        eps: added to the variance.
    """

    weight: Tensor
    bias: Tensor
    eps: float


class LinearNumbers(NamedTuple):
    """Numbers of a linear layer.

    Attributes:
        weight: ``(out_features, in_features)``.
        bias: ``(out_features,)``, or none.
    """

    weight: Tensor
    bias: Tensor | None


class Projections(NamedTuple):
    """Numbers of the projections of an attention block.

    Attributes:
        queries: ``(W, C)`` and ``(W,)``.
        keys: the same.
        values: the same.
        heads: H.
    """

    queries: LinearNumbers
    keys: LinearNumbers
    values: LinearNumbers
    heads: int
