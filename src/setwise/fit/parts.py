"""What the loop consumes: the sets of one part of a split, with what they should give."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from setwise.batch import SetBatch


class Example(NamedTuple):
    """A batch of sets, its targets encoded as the loss wants them, and weights of the sets or none.

    Targets ``(B, T)`` and weights ``(B,)`` have a row per set, or per element where elements are predicted.
    """

    batch: SetBatch
    encoded: Tensor
    weights: Tensor | None = None


class TrainingPart(Protocol):
    """The training sets."""

    def num_batches(self, epoch: int) -> int:
        """Batches in an epoch, counted from 0."""
        ...

    def epoch(self, epoch: int) -> Iterator[Example]:
        """The batches of an epoch, a function of the part and the epoch alone."""
        ...


class EvaluationPart(Protocol):
    """Sets to measure a model on, always the same and in one order."""

    @property
    def truth(self) -> np.ndarray:
        """What predictions are compared with, of all sets."""
        ...

    @property
    def encoded(self) -> Tensor:
        """Targets of all sets as the loss wants them."""
        ...

    @property
    def weights(self) -> Tensor | None:
        """Weights ``(B,)`` of the sets in the loss, or none."""
        ...

    def batches(self) -> Iterable[SetBatch]:
        """The sets, in order."""
        ...
