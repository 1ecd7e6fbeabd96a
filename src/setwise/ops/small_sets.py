"""Attention in small sets, of few queries or to few keys: projections are absorbed, products of matrices do the rest.

The logits of a head are q (Wk k)' = (q Wk) k'. Where a set has fewer queries than keys, projecting the queries once
more costs less than projecting the keys, and the values likewise fall to the averages. Where all sets share learned
queries, the keys of all sets meet them in one product.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from setwise.batch import SetLayout
from setwise.ops.parts import LinearNumbers


def attend_by_products(
    q: Tensor,
    x: Tensor,
    queries: SetLayout,
    keys: SetLayout,
    of_keys: LinearNumbers | None,
    of_values: LinearNumbers | None,
    *,
    heads: int,
    scale: float,
    shared: Tensor | None = None,
) -> Tensor | None:
    """Attend without projecting every element twice, where products of matrices do it in fewer multiplications.

    Args:
        q: ``(Nq, W)`` projected queries of B sets; head h is features ``h * W / H`` and on.
        x: ``(Nk, C)`` elements of the same B sets.
        queries: layout of the queries.
        keys: layout of the elements.
        of_keys: projection of the elements to keys; none where it is more than its numbers.
        of_values: the same to values.
        heads: H.
        scale: factor of the logits.
        shared: ``(Nq / B, W)``, the projected queries where all sets have the same, or none.

    Returns:
        ``(Nq, W)``; none where projecting the elements serves better: off the CPU, in an export, for ragged sets, for
        many queries and keys, and where a projection is more than its numbers.
    """
    if of_keys is None or of_values is None or not _sizes_serve(x, queries, keys):
        return None
    assert queries.set_size is not None
    assert keys.set_size is not None
    assert of_keys.bias is not None
    assert of_values.bias is not None
    # The softmax does not see the keys' bias: a gradient of zero is what it has otherwise, and not none.
    unseen = 0 * of_keys.bias
    if few_queries(queries.set_size, keys.set_size, width=q.shape[1], heads=heads):
        weights = of_keys.weight, of_values.weight
        return attend_with_few(scale * q, x, keys.num_sets, *weights, heads=heads) + (of_values.bias + unseen)
    if shared is not None and few_keys(queries.set_size, keys.set_size):
        values = F.linear(x, *of_values) + unseen
        return attend_to_few(scale * shared, x, keys.num_sets, of_keys.weight, values, heads=heads)
    return None


def _sizes_serve(x: Tensor, queries: SetLayout, keys: SetLayout) -> bool:
    ragged = queries.set_size is None or keys.set_size is None
    return not ragged and x.device.type == "cpu" and not torch.compiler.is_exporting()


def few_queries(queries: int, keys: int, *, width: int, heads: int) -> bool:
    """Return whether absorbing keys and values takes fewer multiplications than projecting them."""
    return queries * (width + (heads - 1) * keys) < keys * width


def few_keys(queries: int, keys: int) -> bool:
    """Return whether keys are so few that attention in blocks of them costs more than it saves."""
    return 2 * keys <= queries


def absorb_keys(q: Tensor, keys: Tensor, *, heads: int) -> Tensor:
    """Return what elements meet for the logits of each head, ``(Q, W)`` and ``(W, C)`` to ``(H, Q, C)``."""
    return torch.einsum("qhd,hdc->hqc", q.unflatten(1, (heads, -1)), keys.unflatten(0, (heads, -1)))


def attend_with_few(q: Tensor, x: Tensor, num_sets: int, keys: Tensor, values: Tensor, *, heads: int) -> Tensor:
    """Compute softmax(q (x keys')') (x values') within each set and head; equivariant in the queries, invariant in x.

    Args:
        q: ``(B * Q, W)`` queries of B sets, scaled; head h is features ``h * W / H`` and on.
        x: ``(B * K, C)`` elements.
        num_sets: B.
        keys: ``(W, C)``, the weight of the keys' projection, whose bias no softmax sees.
        values: ``(W, C)``, the weight of the values' projection; its bias is to be added to the result.
        heads: H.

    Returns:
        ``(B * Q, W)``.
    """
    elements = x.view(num_sets, -1, x.shape[1])
    logits_of = torch.einsum("nhd,hdc->nhc", q.unflatten(1, (heads, -1)), keys.unflatten(0, (heads, -1)))
    weights = (logits_of.reshape(num_sets, -1, x.shape[1]) @ elements.mT).softmax(2)
    averages = (weights @ elements).view(q.shape[0], heads, x.shape[1])
    return torch.einsum("nhc,hdc->nhd", averages, values.unflatten(0, (heads, -1))).flatten(1)


def attend_to_few(shared: Tensor, x: Tensor, num_sets: int, keys: Tensor, values: Tensor, *, heads: int) -> Tensor:
    """Compute softmax(shared (x keys')') values within each set and head; all sets share the queries; invariant in x.

    Args:
        shared: ``(Q, W)`` queries, scaled; head h is features ``h * W / H`` and on.
        x: ``(B * K, C)`` elements.
        num_sets: B.
        keys: ``(W, C)``, the weight of the keys' projection, whose bias no softmax sees.
        values: ``(B * K, W)`` values, projected.
        heads: H.

    Returns:
        ``(B * Q, W)``.
    """
    weights = (
        (x @ absorb_keys(shared, keys, heads=heads).flatten(0, 1).t())
        .view(num_sets, -1, heads, shared.shape[0])
        .softmax(1)
    )
    values = values.view(num_sets, -1, heads, values.shape[1] // heads)
    return torch.einsum("bkhq,bkhd->bqhd", weights, values).flatten(2).flatten(0, 1)
