"""Norms by name."""

import torch

from setwise import variants
from setwise._checks import check_choice
from setwise.layers.layer import Norm


def make_norm(norm: str, width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Norm:
    """Build the norm that a word names.

    "none" leaves elements as they are; "feature" keeps running statistics for evaluation; "feature-by-element" and
    "feature-by-set" always use the batch's own and weigh every element or every set alike.

    Args:
        norm: a word of `setwise.variants.NORMS`.
        width: D, number of features.
        device: where the parameters lie.
        dtype: of the parameters.

    Raises:
        InputError: an unknown word.
    """
    check_choice("norm", norm, tuple(variants.NORMS))
    return variants.find(variants.NORMS[norm])(width, device=device, dtype=dtype)
