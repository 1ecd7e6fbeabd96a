"""Predict from fewer elements, to tell whether more of them would change the answer."""

from dataclasses import dataclass

import numpy as np
import torch

from setwise.explanations.leave_one_out import Measure
from setwise.explanations.one_set import OneSet

_FEWEST = 2


@dataclass(frozen=True)
class Draws:
    """Answers for random parts of a set.

    Attributes:
        counts: ``(P,)`` elements drawn, halved from the whole set down.
        answers: ``(P, R)`` answers of R draws each; of the whole set R times the same.
    """

    counts: np.ndarray
    answers: np.ndarray

    @property
    def spread(self) -> float:
        """Estimate how far the answer of another sample would lie: the standard deviation over halves.

        Halves drawn without replacement vary about the whole set as sets of this size vary about all elements there
        could be, where the answer is smooth in the distribution of the elements (delete-d jackknife with d = n / 2).
        NaN for sets of fewer than four elements.

        Source: Shao and Wu 1989, Annals of Statistics 17(3), 1176-1197.
        """
        return float(self.answers[-2].std(ddof=1)) if len(self.counts) > 1 and self.answers.shape[1] > 1 else np.nan

    @property
    def drift(self) -> float:
        """Return the mean answer of halves less that of the whole: what the number of elements does. NaN as above."""
        return float(self.answers[-2].mean() - self.answers[-1, 0]) if len(self.counts) > 1 else np.nan


def draw_fewer(one: OneSet, measure: Measure, *, draws: int, rng: np.random.Generator) -> Draws:
    """Compute answers for the whole set, and for random parts of a half, a quarter ... of its elements.

    Args:
        one: a set.
        measure: the answer, of the model's outputs.
        draws: R, of each size.
        rng: what draws.
    """
    counts = sizes_drawn(len(one))
    device = one.elements.device
    answers = np.empty((len(counts), draws))
    answers[-1] = float(measure(one.outputs())[0])
    for place, count in enumerate(counts[:-1].tolist()):
        parts = (torch.from_numpy(rng.choice(len(one), count, replace=False)).to(device) for _ in range(draws))
        answers[place] = measure(one.outputs_of_parts(parts)).cpu().numpy()
    return Draws(counts, answers)


def sizes_drawn(size: int) -> np.ndarray:
    """Return the numbers of elements to draw of a set, rising to its size."""
    counts = [size]
    while counts[-1] // 2 >= _FEWEST:
        counts.append(counts[-1] // 2)
    return np.asarray(counts[::-1])


def cost_of_drawing(size: int, draws: int) -> int:
    """Count elements that pass through the model for a set of a size."""
    return size + int(sizes_drawn(size)[:-1].sum()) * draws
