"""Featurewise sort pooling: each feature sorted in its set, and weighted by rank."""

import torch
from torch import Tensor, nn

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetPooling
from setwise.ops import set_sum, sort_within_sets
from setwise.ops.reduce import widened
from setwise.streaming.rows import Rows

_FEATURES_AT_ONCE = 8  # of a streamed set, held in memory in one sweep


class FeaturewiseSortPooling(SetPooling):
    """Sort each feature over the elements of each set, weight it by its rank, and sum; invariant.

    With x_(0) >= x_(1) >= ... the n values of one feature: y = sum over i of x_(i) f(i / (n - 1)), where f is linear
    between ``pieces + 1`` learned values at 0, 1 / pieces, ..., 1, of each feature its own; f(0) for a set of one
    element. Equal values are in the order of the elements, which the result does not see; their gradients are those of
    this order.

    Shapes: elements ``(N, width)`` to ``(B, width)``.

    Args:
        width: W, number of features.
        pieces: of f, between learned values.

    Raises:
        InputError: elements of a set lie in several processes.

    Source: Zhang, Hare, Prugel-Bennett 2020, arXiv 1906.02795, equations 1 to 3; values start from a standard normal
    distribution, as in the authors' code.

    Example:
        >>> pooling = FeaturewiseSortPooling(1, pieces=1)
        >>> _ = pooling.load_state_dict({"weight": torch.tensor([[1.0, 0.0]])})  # f(r) = 1 - r
        >>> pooling(SetBatch.from_list([torch.tensor([[2.0], [8.0], [4.0]])]))  # 8 + 4 / 2
        tensor([[10.]], grad_fn=<SumBackward1>)
    """

    def __init__(
        self,
        width: int,
        *,
        pieces: int = 20,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width, pieces=pieces)
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, pieces + 1, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the values of f anew, from a standard normal distribution."""
        nn.init.normal_(self.weight)

    def forward(self, batch: SetBatch) -> Tensor:
        layout = batch.layout
        ranked = sort_within_sets(widened(batch.elements), layout, descending=True)
        weights = _by_rank(self.weight, layout.within, layout.sizes[layout.set_index])
        return set_sum(ranked * weights, layout).to(batch.dtype)

    def grows_with_size(self) -> bool:
        return True

    def stream(self, rows: Rows) -> Tensor:
        """Sort a few features at a time, which are held in memory whole; a sweep for each few."""
        rows, starts = rows.kept(), range(0, len(self.weight), _FEATURES_AT_ONCE)
        return torch.cat([self._features(rows, slice(start, start + _FEATURES_AT_ONCE)) for start in starts])[None]

    def _features(self, rows: Rows, chosen: slice) -> Tensor:
        """Return some features of the result."""
        parts: list[Tensor] = []
        rows.sweep(lambda x: parts.append(x[:, chosen].t().contiguous()))
        values = torch.cat(parts, 1)
        rank = torch.arange(values.shape[1], device=values.device)
        pooled = []
        for feature, weight in zip(widened(values), self.weight[chosen], strict=True):
            weights = _by_rank(weight[None], rank, torch.full_like(rank, len(rank)))
            pooled.append((feature.sort(descending=True).values * weights[:, 0]).sum(dtype=torch.float64))
        return torch.stack(pooled).to(values.dtype)

    def without_each(self, encoded: Tensor, rows: Tensor) -> Tensor:
        """Sum what ranks before the element, and what ranks after it one rank higher, with the size less one."""
        ranked, order = encoded.sort(dim=0, descending=True, stable=True)
        places = torch.arange(len(encoded), device=encoded.device)
        weights = _by_rank(self.weight, places[:-1], torch.full_like(places[:-1], len(encoded) - 1))
        nothing = encoded.new_zeros(1, encoded.shape[1])
        before = torch.cat([nothing, (ranked[:-1] * weights).cumsum(0)])
        after = torch.cat([nothing, (ranked[1:] * weights).cumsum(0)])
        rank = torch.empty_like(order).scatter_(0, order, places[:, None].expand_as(order))
        return (before + after[-1] - after).gather(0, rank[rows])

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, pieces={self.weight.shape[1] - 1}"


def _by_rank(values: Tensor, rank: Tensor, sizes: Tensor) -> Tensor:
    """Return f(rank / (size - 1)) of each feature, ``(n, W)``.

    Args:
        values: ``(W, pieces + 1)``, of f.
        rank: ``(n,)``, from 0.
        sizes: ``(n,)``, of the set that is ranked.
    """
    values, pieces, last = widened(values).t(), values.shape[1] - 1, (sizes - 1).clamp_min(1)
    left = (rank * pieces // last).clamp_max(pieces - 1)
    fraction = (rank * pieces - left * last).to(values.dtype) / last
    return torch.lerp(values.index_select(0, left), values.index_select(0, left + 1), fraction[:, None])
