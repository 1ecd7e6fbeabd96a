"""Remove elements, the highest-scored first, and measure how fast the answer falls, against random orders."""

from dataclasses import dataclass

import numpy as np
import torch

from setwise.explanations.leave_one_out import Measure
from setwise.explanations.one_set import OneSet

_SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Deletion:
    """A deletion curve: the answer for a set that loses its elements in some order.

    Attributes:
        removed: ``(P,)`` numbers of removed elements, from 0; one element stays at least.
        size: n.
        answers: ``(P,)`` what the model says of the rest.
    """

    removed: np.ndarray
    size: int
    answers: np.ndarray

    def area(self, *, signed: bool) -> float:
        """Compute the fall of the answer, mean over the share of removed elements, in the units of the answer.

        The trapezoid rule over the share of removed elements, divided by the largest share. It is the answer for the
        whole set less the (scaled) area under the deletion curve: larger is more faithful. Where scores have no sign
        (attention), changes count whichever way they go.

        Args:
            signed: whether high scores say which way an element pushes the answer.

        Source: Petsiuk, Das, Saenko 2018, arXiv 1806.07421, section 4.2, of elements instead of pixels.
        """
        if len(self.removed) < 2:
            return float("nan")
        fall = self.answers[0] - self.answers
        share = self.removed / self.size
        return float(np.trapezoid(fall if signed else np.abs(fall), share) / share[-1])


def removals(size: int) -> np.ndarray:
    """Return the numbers of elements to remove of a set, ``(P,)`` from 0, more of them among the first elements."""
    counts = np.round(np.asarray(_SHARES) * size).astype(np.int64)
    few = np.asarray([0, 1, 2, 3], np.int64)
    counts = np.unique(np.concatenate([few, counts]))
    return counts[counts < size]


def deletion(one: OneSet, measure: Measure, order: np.ndarray) -> Deletion:
    """Remove the elements of a set in an order ``(n,)``, the first of it first, and see what becomes of the answer.

    Args:
        one: a set.
        measure: the answer, of the model's outputs.
        order: positions of the elements.
    """
    removed = removals(len(one))
    places = torch.from_numpy(np.ascontiguousarray(order)).to(one.elements.device)
    answers = measure(one.outputs_of_parts(places[count:] for count in removed.tolist()))
    return Deletion(removed, len(one), answers.cpu().numpy())


def by_score(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order elements from the highest score; ties by chance, no score last."""
    return np.lexsort((rng.permutation(len(scores)), -np.where(np.isnan(scores), -np.inf, scores)))


def cost_of_deletion(size: int, orders: int) -> int:
    """Count the elements that pass through the model for a set of a size and some orders."""
    return int((size - removals(size)).sum()) * orders
