"""Summarise a set in moments and quantiles of each feature."""

import torch
from torch import Tensor

from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.quantiles import quantile_of_ranked
from setwise.ops import set_mean, sort_within_sets
from setwise.ops.reduce import widened
from setwise.streaming.rows import Rows, columns_at_a_time

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_FEATURES_AT_ONCE = 8  # of a streamed set, held in memory in one sweep
_MOST_NUMBERS = 4096  # of a summary; of features that would need more, mean and standard deviation are left
_CONSTANT = 1e-6  # a standard deviation below that share of the largest value is rounding


class Moments(SetSummary):
    """Summarise each set in log size, and moments and quantiles of each feature; invariant.

    Per feature the mean, the population standard deviation, the skewness (mean of the cubed standardised values, zero
    of a constant feature) and the quantiles 0, 0.1, 0.25, 0.5, 0.75, 0.9 and 1, between two values by the line through
    them. Elements with very many features (images) keep mean and standard deviation alone.

    Shapes: elements ``(N, ...)`` with D numbers each to ``(B, P)``, P = 1 + 10 D, or 1 + 2 D of very many; kinds of
    numbers one after the other, features within each.

    Raises:
        InputError: elements of a set lie in several processes.

    Example:
        >>> Moments()(SetBatch.from_list([torch.tensor([[1.0], [3.0]])]))[0, 1:4]  # mean, deviation, skewness
        tensor([2., 1., 0.])
    """

    def forward(self, batch: SetBatch) -> Tensor:
        layout, x = batch.layout, widened(batch.elements).flatten(1)
        x = x if x.is_floating_point() else x.float()
        mean = set_mean(x, layout)
        centred = x - mean[layout.set_index]
        variance = set_mean(centred.square(), layout)
        varies = variance > 0  # the root has no gradient at zero
        std = torch.where(varies, variance, 1).sqrt() * varies
        parts = [layout.sizes.to(x.dtype).log()[:, None], mean, std]
        if has_quantiles(x.shape[1]):
            ranked = sort_within_sets(x, layout)
            largest = ranked[layout.offsets[1:] - 1].abs().maximum(ranked[layout.offsets[:-1]].abs())
            scale = _scale(std, largest)
            parts.append(set_mean((centred / scale[layout.set_index]).pow(3), layout))
            parts += [quantile_of_ranked(ranked, layout.offsets[:-1], layout.sizes, share) for share in QUANTILES]
        return torch.cat(parts, 1).to(batch.dtype if batch.elements.is_floating_point() else x.dtype)

    def stream(self, rows: Rows) -> Tensor:
        """Summarise a few features at a time, which are held in memory whole; a sweep for each few."""
        found: list[tuple[Tensor, ...]] = []
        size, width = torch.empty(0), 0
        for some in columns_at_a_time(rows.kept(), _FEATURES_AT_ONCE):
            numbers = self(SetBatch.from_list([some]))[0]
            size, width = numbers[:1], width + some.shape[1]
            found.append(numbers[1:].split(some.shape[1]))
        kept = 3 + len(QUANTILES) if has_quantiles(width) else 2
        return torch.cat([size, *(torch.cat(kind) for kind in list(zip(*found, strict=True))[:kept])])[None]

    def ties(self) -> tuple[str, ...]:
        return ()


def has_quantiles(features: int) -> bool:
    """Return false of so many features that their skewness and quantiles are left out."""
    return features * (3 + len(QUANTILES)) <= _MOST_NUMBERS


def _scale(std: Tensor, largest: Tensor) -> Tensor:
    """Return what values are divided by to be standardised: 1 of constant features."""
    return torch.where(std > _CONSTANT * largest, std, torch.ones_like(std))
