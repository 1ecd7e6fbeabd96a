"""Folds over the rows of a set in one sweep: moments, sums, maxima, attention of a few queries."""

import torch
from torch import Tensor

from setwise.ops.reduce import widened


class Moments:
    """Mean and population variance, of all numbers or of each feature, merged chunk by chunk in float64.

    Source: Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    def __init__(self, *, per_feature: bool):
        self.per_feature = per_feature
        self.count, self.dtype = 0, torch.float64
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in rows ``(n, W)``."""
        self.dtype = rows.dtype
        rows = widened(rows)
        if self.per_feature:
            shift = rows.mean(0)
            centred = rows - shift
            rest, squares, count = centred.mean(0), centred.square().sum(0), len(rows)
        else:
            shift = rows.mean()
            centred = (rows - shift).flatten()
            rest, squares, count = centred.mean(), centred.dot(centred), rows.numel()
        mean, rest = shift.double() + rest.double(), rest.double()
        squares = squares.double() - count * rest.square()
        before, self.count = self.count, self.count + count
        difference = mean - self.mean
        self.squares = self.squares + squares + difference.square() * (before * count / self.count)
        self.mean = self.mean + difference * (count / self.count)

    @property
    def variance(self) -> Tensor:
        """Return the population variance, float64."""
        return (self.squares / self.count).clamp_min(0)


class Total:
    """Sum and mean of each feature, in float64."""

    def __init__(self) -> None:
        self.count, self.dtype = 0, torch.float64
        self.sum = torch.zeros((), dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in rows ``(n, W)``."""
        self.dtype = rows.dtype
        rows = widened(rows)
        self.count += len(rows)
        self.sum = self.sum + rows.sum(0).double()


class Largest:
    """The largest value of each feature."""

    def __init__(self) -> None:
        self.value: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """Take in rows ``(n, W)``."""
        largest = rows.amax(0)
        self.value = largest if self.value is None else torch.maximum(self.value, largest)


class Attention:
    """Attention softmax(scale q k') v of a few queries over any number of keys, the softmax merged in float64.

    Args:
        queries: ``(I, W)``; head h is features ``h * W / heads`` and on.
        heads: H.
        scale: factor of the logits.
    """

    def __init__(self, queries: Tensor, *, heads: int, scale: float):
        self.heads = heads
        self.queries = self._split(queries) * scale
        shape = self.queries.shape
        self.largest = queries.new_full((*shape[:2], 1), -torch.inf, dtype=torch.float64)
        self.weight = torch.zeros_like(self.largest)
        self.weighted = torch.zeros(shape, dtype=torch.float64, device=queries.device)

    def add(self, keys: Tensor, values: Tensor) -> None:
        """Take in keys and values ``(n, W)``."""
        logits = self.queries @ self._split(keys).transpose(1, 2)
        largest = torch.maximum(self.largest, logits.amax(-1, keepdim=True).double())
        before = (self.largest - largest).exp()
        weights = (logits - largest.to(logits.dtype)).exp()  # the maximum is one of the logits: nothing is rounded
        self.weight = self.weight * before + weights.sum(-1, keepdim=True).double()
        self.weighted = self.weighted * before + (weights @ self._split(values)).double()
        self.largest = largest

    def result(self) -> Tensor:
        """Return what was attended to, ``(I, W)`` in the dtype of the queries."""
        attended = self.weighted / self.weight
        return attended.transpose(0, 1).flatten(1).to(self.queries.dtype)

    def _split(self, rows: Tensor) -> Tensor:
        return rows.view(len(rows), self.heads, -1).transpose(0, 1)
