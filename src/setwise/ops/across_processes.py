"""Maximum and attention of sets whose elements lie in several processes, which no sum of local results gives."""

from itertools import pairwise

import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.batch import SetLayout
from setwise.parallel import ShardedLayout, largest, total


def max_across_processes(x: Tensor, layout: ShardedLayout) -> Tensor:
    """Return the maximum over the elements of each set, in all processes; elements that share it share its gradient.

    Args:
        x: ``(N, ...)`` of this process.
        layout: of the same.

    Returns:
        ``(B, ...)``, the same in all processes.
    """
    index = layout.set_index.view(-1, *[1] * (x.dim() - 1)).expand_as(x)
    empty = x.new_full((layout.num_sets, *x.shape[1:]), -torch.inf)
    maximum = largest(empty.scatter_reduce(0, index, x.detach(), "amax"), layout)
    is_maximum = (x == maximum.index_select(0, layout.set_index)).to(x.dtype)
    zeros = torch.zeros_like(maximum)
    ties = total(zeros.index_add(0, layout.set_index, is_maximum), layout)
    shares = x * (is_maximum / ties.index_select(0, layout.set_index))
    # What is added is zero, and carries the gradient.
    carried = total(zeros.index_add(0, layout.set_index, shares - shares.detach()), layout)
    return maximum + carried


def attention_across_processes(
    q: Tensor, k: Tensor, v: Tensor, queries: SetLayout, keys: SetLayout, *, heads: int, scale: float
) -> Tensor:
    """Compute softmax(scale q k') v within each set, where queries or keys are sharded over processes.

    Args: as `setwise.ops.set_attention`. Queries that are not sharded are alike in all processes; so is their result.

    Raises:
        InputError: both are sharded; every element would need every other.
    """
    if isinstance(queries, ShardedLayout) and isinstance(keys, ShardedLayout):
        raise InputError(
            "elements that are sharded over processes cannot all attend to each other. Use inducing points "
            "(InducedSetAttentionBlock), or keep each set in one process."
        )
    spans = zip(_spans(queries), _spans(keys), strict=True)
    sets = [(_split(q[a], heads), _split(k[b], heads), _split(v[b], heads)) for a, b in spans]
    logits = [scale * qs @ ks.transpose(1, 2) for qs, ks, _ in sets]
    if not isinstance(keys, ShardedLayout):
        return torch.cat([_join(x.softmax(-1) @ vs) for x, (_, _, vs) in zip(logits, sets, strict=True)])
    lowest = [x.detach().new_full((*x.shape[:2], 1), -torch.inf) for x in logits]
    maxima = [torch.cat([x.detach(), low], 2).amax(2, keepdim=True) for x, low in zip(logits, lowest, strict=True)]
    shifts = largest(torch.cat([m.transpose(0, 1) for m in maxima]), keys).transpose(0, 1)  # (H, Nq, 1)
    shifts = shifts.split([x.shape[1] for x in logits], 1)
    weights = [(x - shift).exp() for x, shift in zip(logits, shifts, strict=True)]
    sums = [torch.cat([w @ vs, w.sum(2, keepdim=True)], 2) for w, (_, _, vs) in zip(weights, sets, strict=True)]
    merged = total(torch.cat(sums, 1), keys)
    return _join(merged[..., :-1] / merged[..., -1:])


def _spans(layout: SetLayout) -> list[slice]:
    bounds = layout.offsets.tolist()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _split(x: Tensor, heads: int) -> Tensor:
    return x.view(len(x), heads, x.shape[1] // heads).transpose(0, 1)


def _join(x: Tensor) -> Tensor:
    return x.transpose(0, 1).flatten(1)
