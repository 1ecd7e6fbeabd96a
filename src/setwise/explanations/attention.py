"""Attention of the pooling: how much of what the decoder sees comes from each element."""

import numpy as np
import torch
from torch import nn

from setwise.explanations.one_set import OneSet
from setwise.explanations.without_one import attention_logits
from setwise.layers import PoolingByAttention
from setwise.models import SetModel


def attention(one: OneSet) -> np.ndarray:
    """Attention weights of the pooling, times the number of elements, mean over heads, seeds and members: ``(n,)``.

    One is an even share. The weights say where the model looks, not which way an element pushes the answer, and not how
    much its value matters; the deletion curve beside them says how far they can be trusted.

    Args:
        one: a set of a model that `has_attention`.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 11.
    """
    found = []
    with torch.no_grad():
        for member in one.members:
            pooling = _pooling(member)
            assert pooling is not None, "the model pools by attention"
            logits, _ = attention_logits(pooling, member.encoder(one.batch()))
            found.append(logits.double().softmax(-1).mean((0, 1)))
    one.advance(len(one))
    return torch.stack(found).mean(0).cpu().numpy() * len(one)


def has_attention(model: SetModel) -> bool:
    """Whether a model pools by attention."""
    return _pooling(model) is not None


def _pooling(model: SetModel) -> PoolingByAttention | None:
    pooling = model.pooling[0] if isinstance(model.pooling, nn.Sequential) else model.pooling
    return pooling if isinstance(pooling, PoolingByAttention) else None
