"""Attention of the pooling: how much of what the decoder sees comes from each element."""

import numpy as np
import torch

from setwise.explanations.one_set import OneSet
from setwise.layers.containers import seeded_pooling
from setwise.models import SetModel


def attention(one: OneSet) -> np.ndarray:
    """Return attention weights of the pooling, times the number of elements, mean of heads, seeds, members: ``(n,)``.

    One is an even share. The weights say where the model looks, not which way an element pushes the answer, and not how
    much its value matters; the deletion curve beside them says how far they can be trusted.

    Args:
        one: a set of a model that `has_attention`.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 11.
    """
    found = []
    with torch.no_grad():
        for member in one.members:
            pooling = seeded_pooling(member.pooling)
            assert pooling is not None, "the model pools by attention"
            logits = pooling.attention_logits(member.encoder(one.batch()))
            found.append(logits.double().softmax(-1).mean((0, 1)))
    one.advance(len(one))
    return torch.stack(found).mean(0).cpu().numpy() * len(one)


def has_attention(model: SetModel) -> bool:
    """Return whether a model pools by attention."""
    return seeded_pooling(model.pooling) is not None
