"""Say something of classes that no row has."""

import numpy as np

from setwise.models.links import LEAST


def for_all_classes(
    weight: np.ndarray, bias: np.ndarray, seen: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of the logits of all classes, of logits of those that were seen.

    Args:
        weight: ``(V, P)`` of the V classes that were seen, or ``(1, P)`` of the second of two, whose first has zeros.
        bias: ``(V,)`` or ``(1,)``.
        seen: ``(V,)`` numbers of these classes.
        classes: K; one that was not seen has a constant, of a probability of about a millionth.

    Returns:
        ``(K, P)`` and ``(K,)``.
    """
    if len(seen) == 2 and len(weight) == 1:  # one number says both
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    every, constant = np.zeros((classes, weight.shape[1])), np.full(classes, bias.max() + np.log(LEAST))
    every[seen], constant[seen] = weight, bias
    return every, constant
