"""Summaries by name."""

import torch

from setwise import variants
from setwise._checks import check_choice
from setwise.layers.summaries.beside import Beside


def make_summary(
    words: tuple[str, ...], *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Beside:
    """Build the summaries that words name, side by side; they are still to be fitted.

    Args:
        words: of `setwise.variants.SUMMARIES`.
        device: where their tensors lie.
        dtype: of their tensors.

    Raises:
        InputError: an unknown word.
    """
    for word in words:
        check_choice("a summary", word, tuple(variants.SUMMARIES))
    found = Beside({word: variants.find(variants.SUMMARIES[word])() for word in words})
    return found.to(device=device, dtype=dtype)
