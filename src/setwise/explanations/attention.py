"""Attention of the pooling: how much of what the decoder sees comes from each element."""

import numpy as np
import torch

from setwise.explanations.one_set import OneSet


def attention(one: OneSet) -> np.ndarray:
    """Return attention weights of the pooling, times the number of elements, mean of heads, seeds, members: ``(n,)``.

    One is an even share. The weights say where the model looks, not which way an element pushes the answer, and not how
    much its value matters; the deletion curve beside them says how far they can be trusted.

    Args:
        one: a set of a model with attention.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 11.
    """
    with torch.no_grad():
        logits = [member.attention_logits(one.batch()).double() for member in one.members]
    one.advance(len(one))
    return torch.stack([own.softmax(-1).mean((0, 1)) for own in logits]).mean(0).cpu().numpy() * len(one)
