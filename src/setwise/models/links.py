"""Link numbers, probabilities of classes and classes in order to the outputs that stand for them.

What the outputs of a target stand for is said by a `setwise.models.family.Head`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

LEAST = 1e-6  # probability that is kept of any class, so that its logarithm is finite


def log_probabilities_of_ranks(outputs: Tensor) -> Tensor:
    """Return log-probabilities ``(B, K)`` of classes in order, of outputs ``(B, K - 1)``.

    They are ``log(sigmoid(a_k) - sigmoid(a_k+1))``, where ``a_k - a_k+1 = softplus(z)``, without cancellation.
    """
    first, lowered = outputs[:, :1], outputs[:, 1:]
    above = torch.cat([first, first - functional.softplus(lowered).cumsum(1)], 1)  # (B, K - 1)
    log_above, log_below = functional.logsigmoid(above), functional.logsigmoid(-above)
    between = log_above[:, :-1] + log_below[:, 1:] + functional.logsigmoid(lowered)
    return torch.cat([log_below[:, :1], between, log_above[:, -1:]], 1)


def logits_of(probabilities: Tensor) -> Tensor:
    """Return logits of probabilities ``(B, K)``."""
    return probabilities.clamp_min(LEAST).log()


def thresholds_of(probabilities: Tensor) -> Tensor:
    """Return outputs ``(B, K - 1)`` of probabilities ``(B, K)`` of classes in order."""
    kept = probabilities.clamp_min(LEAST)
    kept = kept / kept.sum(1, keepdim=True)
    above = kept.flip(1).cumsum(1).flip(1)[:, 1:]
    logits = (above / kept.cumsum(1)[:, :-1]).log()
    steps = logits[:, :-1] - logits[:, 1:]  # softplus of the outputs
    return torch.cat([logits[:, :1], steps + (-(-steps).expm1()).log()], 1)


LINKS: dict[str, Callable[[Tensor], Tensor]] = {
    "number": lambda x: x,
    "classes": logits_of,
    "ranks": thresholds_of,
    "logits": lambda x: x,
    "rank-logits": lambda x: thresholds_of(x.softmax(1)),
}


def mixed(kind: str, outputs: Sequence[Tensor], weights: Sequence[float], temperatures: Sequence[float]) -> Tensor:
    """Return the outputs ``(B, K)`` that stand for the weighted mean of what several models predict.

    Numbers and logarithms of risks are averaged themselves, classes by their probabilities.

    Args:
        kind: of a `setwise.models.family.Head`.
        outputs: ``(B, K)`` of each model.
        weights: of the models, adding up to one.
        temperatures: by which each model's logits of classes are divided.
    """
    parts = [(own, weight, t) for own, weight, t in zip(outputs, weights, temperatures, strict=True) if weight > 0]
    if kind == "classes":
        return logits_of(torch.stack([(own / t).softmax(1) * weight for own, weight, t in parts]).sum(0))
    if kind == "ranks":
        return thresholds_of(
            torch.stack([log_probabilities_of_ranks(own).exp() * weight for own, weight, _ in parts]).sum(0)
        )
    return torch.stack([own * weight for own, weight, _ in parts]).sum(0)
