"""Poolings by name."""

import torch
from torch import nn

from setwise import variants
from setwise._checks import check_choice
from setwise.layers.poolings.pooling import Pooling


def make_pooling(
    pool: str, width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> nn.Module:
    """Build the pooling that a word names: a set to a vector, invariant.

    Args:
        pool: a word of `setwise.variants.POOLS`.
        width: W, number of features, before and after.
        device: where the parameters lie.
        dtype: of the parameters.

    Raises:
        InputError: an unknown word.
    """
    check_choice("pool", pool, tuple(variants.POOLS))
    if pool in variants.REDUCTIONS:
        return Pooling(pool)
    return variants.find(variants.POOLS[pool])(width, device=device, dtype=dtype)
