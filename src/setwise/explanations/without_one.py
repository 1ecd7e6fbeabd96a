"""Poolings of a set without each of its elements in turn, from one encoding of the whole set."""

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch, SetLayout
from setwise.layers import Pooling, PoolingByAttention

_STD_EPS = 1e-5  # of the pooling


def pooled_without(pooling: nn.Module, encoded: Tensor, rows: Tensor) -> Tensor | SetBatch:
    """What a pooling gives for a set without its element j, for each j of ``rows``: m sets, in O(n + m).

    With s the sum over all n elements h: sum, s - h_j; mean, (s - h_j) / (n - 1); maximum, the second largest where
    h_j is the largest; standard deviation, from the sums of the centred elements and their squares; attention,
    numerator and denominator of each softmax less the share of j.

    Args:
        pooling: of `setwise.layers`, in the dtype of ``encoded`` (float64, since differences are small).
        encoded: ``(n, W)``, n at least 2.
        rows: ``(m,)`` positions.

    Returns:
        What the decoder takes: ``(m, W)``, or a `SetBatch` of m sets of seeds.

    Raises:
        TypeError: a pooling that nobody taught.
    """
    if isinstance(pooling, nn.Sequential):
        first = pooled_without(pooling[0], encoded, rows)
        return pooling[1:](first)
    if isinstance(pooling, PoolingByAttention):
        return _attention_without(pooling, encoded, rows)
    if not isinstance(pooling, Pooling):
        raise TypeError(f"leaving one out of {type(pooling).__name__} is not known; recompute (--exact-limit).")
    own, rest = encoded[rows], len(encoded) - 1
    if pooling.pool == "max":
        largest, where = encoded.topk(2, dim=0)
        return torch.where(rows[:, None] == where[0], largest[1], largest[0])
    if pooling.pool == "sum":
        return encoded.sum(0) - own
    if pooling.pool == "mean":
        return (encoded.sum(0) - own) / rest
    centre = encoded.mean(0)
    centred, own = encoded - centre, own - centre
    mean = (centred.sum(0) - own) / rest
    variance = (centred.square().sum(0) - own.square()) / rest - mean.square()
    return (variance.clamp_min(0) + _STD_EPS).sqrt()


def attention_logits(pooling: PoolingByAttention, batch: SetBatch) -> tuple[Tensor, Tensor]:
    """Logits ``(H, I, n)`` with which the seeds look at the elements of one set, and the values ``(H, n, W / H)``."""
    block = pooling.block
    queries = pooling.seeds(1)
    keys = block.norm_keys(batch).elements
    q = _heads(block.queries(block.norm_queries(queries).elements), block.heads)
    k, v = _heads(block.keys(keys), block.heads), _heads(block.values(keys), block.heads)
    width = q.shape[0] * q.shape[2]
    return q @ k.transpose(1, 2) * width**-0.5, v


def _attention_without(pooling: PoolingByAttention, encoded: Tensor, rows: Tensor) -> SetBatch:
    batch = SetBatch(encoded, SetLayout.uniform(1, len(encoded), encoded.device))
    logits, values = attention_logits(pooling, batch)
    largest, where = logits.max(-1, keepdim=True)
    weights = (logits - largest).exp()
    own = weights[..., rows].unsqueeze(-1)  # (H, I, m, 1)
    without = (weights @ values).unsqueeze(2) - own * values[:, None, rows]
    attended = without / (weights.sum(-1)[..., None, None] - own)
    # Without the element that holds the largest weight, little may be left to subtract from: computed anew.
    others = logits.scatter(-1, where, -torch.inf).softmax(-1) @ values  # (H, I, W / H)
    attended = torch.where((rows == where)[..., None], others.unsqueeze(2), attended)
    block, count = pooling.block, len(rows)
    queries = pooling.seeds(count)
    q = block.queries(block.norm_queries(queries).elements)
    pooled = block.combine(queries, q, attended.permute(2, 1, 0, 3).flatten(2).flatten(0, 1))
    return SetBatch(pooled.elements, pooled.layout)


def _heads(rows: Tensor, heads: int) -> Tensor:
    return rows.view(len(rows), heads, -1).transpose(0, 1)
