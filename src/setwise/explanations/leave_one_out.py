"""Leave each element out, and measure how the answer changes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from setwise.explanations.one_set import OneSet
from setwise.models import Model

RECOMPUTED, POOLED, FROZEN = "recomputed", "pooled", "frozen"
Measure = Callable[[Tensor], Tensor]  # outputs (B, K) to numbers (B,)


def leave_one_out(one: OneSet, measure: Measure, *, exact_limit: int) -> tuple[np.ndarray, str]:
    """Return scores of leaving each element out, ``score_j = f(S) - f(S without j)``, and how they were computed.

    Above zero: the element pushes the answer up. A set of one element has no such score (NaN).

    - "pooled": where the encoder treats elements alone, the pooled vector less the element is exact, at the cost of one
      pass of the encoder and n of the decoder.
    - "recomputed": where it does not, and the set has at most ``exact_limit`` elements, or where a model has no encoder
      and pooling, n sets of n - 1 elements pass through the model: exact, n (n - 1) elements.
    - "frozen": larger sets. What the encoder takes from the set as a whole (statistics of set norm, inducing points,
      aggregated residuals) is held as the whole set gives it, and the pooling alone misses the element, at the cost of
      "pooled". It asks another question than "recomputed": in shallow models with set norm the two agree, in deep
      ones they may disagree in sign (`docs/log.md` has numbers). The deletion curve tells what the scores are worth.

    Args:
        one: a set.
        measure: what is explained, of the model's outputs.
        exact_limit: elements.

    Returns:
        ``(n,)`` float64 in the units of ``measure``, and one of the three words.

    Source: leave-one-out is Cook 1977's deletion diagnostic, of elements instead of observations.
    """
    how = how_left_out(one.members[0], len(one), exact_limit=exact_limit)
    if len(one) == 1:
        return np.full(1, np.nan), how
    return (_recomputed if how == RECOMPUTED else _from_pooled)(one, measure), how


def how_left_out(model: Model, size: int, *, exact_limit: int) -> str:
    """Return how a set of a size is computed: "pooled", "recomputed" or "frozen"."""
    if model.pools_last and model.ties() is None:
        return POOLED
    return RECOMPUTED if size <= exact_limit or not model.pools_last else FROZEN


def cost_of_leaving_out(model: Model, size: int, *, exact_limit: int) -> int:
    """Return the number of elements that pass through the model for a set of a size."""
    return size**2 if how_left_out(model, size, exact_limit=exact_limit) == RECOMPUTED else size


def _recomputed(one: OneSet, measure: Measure) -> np.ndarray:
    whole = measure(one.outputs())
    without = measure(one.outputs_of_parts(_all_but_one(len(one), one.elements.device)))
    return (whole - without).cpu().numpy()


def _all_but_one(size: int, device: torch.device) -> Iterator[Tensor]:
    rest = torch.arange(size - 1, device=device)
    for without in range(size):
        yield rest + (rest >= without)


def _from_pooled(one: OneSet, measure: Measure) -> np.ndarray:
    """Encode the set once; then pool and decode in float64, since differences are of the order of 1 / n."""
    with torch.no_grad():
        found = [member.without_each(one.batch()) for member in one.members]
        one.advance(len(one))
        whole, without = found[0] if len(found) == 1 else map(_stacked, zip(*found, strict=True))
        return (measure(whole) - measure(without)).cpu().numpy()


def _stacked(outputs: Sequence[Tensor]) -> Tensor:
    """Return outputs ``(B, K)`` of every member as an ensemble's, ``(B, M, K)``."""
    return torch.stack(list(outputs), 1)
