"""Parts of a split as the loop consumes them: sets, with what they should give."""

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
        """Return the number of batches in an epoch, counted from 0."""
        ...

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch, a function of the part and the epoch alone."""
        ...


class EvaluationPart(Protocol):
    """Sets to measure a model on, always the same and in one order."""

    @property
    def truth(self) -> np.ndarray:
        """Return what predictions are compared with, of all sets."""
        ...

    @property
    def encoded(self) -> Tensor:
        """Return targets of all sets as the loss wants them."""
        ...

    @property
    def weights(self) -> Tensor | None:
        """Return weights ``(B,)`` of the sets in the loss, or none."""
        ...

    def batches(self) -> Iterable[SetBatch]:
        """Yield the sets, in order."""
        ...
