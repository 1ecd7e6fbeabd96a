"""Attention of few queries, or to few keys, of each set: projections are absorbed, products of matrices do the rest.

The logits of a head are q (Wk k)' = (q Wk) k'. Where a set has fewer queries than keys, projecting the queries once
more costs less than projecting the keys, and the values likewise fall to the averages. Where all sets share learned
queries, the keys of all sets meet them in one product.
"""

import torch
from torch import Tensor

from setwise.batch import SetLayout


def sizes_for_products(x: Tensor, queries: SetLayout, keys: SetLayout) -> tuple[int, int] | None:
    """Queries and keys of each set, or none where these functions do not serve: off the CPU, in an export, ragged."""
    if queries.set_size is None or keys.set_size is None or x.device.type != "cpu" or torch.compiler.is_exporting():
        return None
    return queries.set_size, keys.set_size


def few_queries(queries: int, keys: int, *, width: int, heads: int) -> bool:
    """Whether a set has so few queries that absorbing keys and values takes fewer multiplications than projecting."""
    return queries * (width + (heads - 1) * keys) < keys * width


def few_keys(queries: int, keys: int) -> bool:
    """Whether a set has so few keys that attention in blocks of them costs more than it saves."""
    return 2 * keys <= queries


def absorb_keys(q: Tensor, keys: Tensor, *, heads: int) -> Tensor:
    """What elements are multiplied by for the logits of each head: ``(Q, W)`` and ``(W, C)`` to ``(H, Q, C)``."""
    return torch.einsum("qhd,hdc->hqc", q.unflatten(1, (heads, -1)), keys.unflatten(0, (heads, -1)))


def attend_with_few(q: Tensor, x: Tensor, num_sets: int, keys: Tensor, values: Tensor, *, heads: int) -> Tensor:
    """softmax(q (x keys')') (x values') within each set and head; equivariant in the queries, invariant in x.

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
    """softmax(shared (x keys')') values within each set and head, for queries that all sets share; invariant in x.

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
