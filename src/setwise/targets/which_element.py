"""Which element of each set is meant: the head of a model whose outputs are log-probabilities over the set."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from setwise._checks import InputError


class WhichElement(BaseModel):
    """One element of each set, fitted by the cross entropy over the elements of the set.

    Values and outputs have a row per element; the model has taken the softmax over each set already
    (``output="which-element"``).

    Attributes:
        target: the name of the column of marks.
        share: of the training elements that are marked, dimensionless; so that the mean loss over all elements is the
            mean over sets of ``-log p`` of the marked element.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["which-element"] = "which-element"
    target: str
    share: float = Field(default=1.0, gt=0, le=1)

    @classmethod
    def fit(cls, target: str, marks: np.ndarray) -> Self:
        """Take the share of marked elements among marks ``(N,)``, 1 or NaN, of the training sets."""
        return cls(target=target, share=float((marks == 1).mean()))

    @property
    def out_features(self) -> int:
        """Outputs of the model: one."""
        return 1

    @property
    def width(self) -> int:
        """Numbers of a prediction: one probability."""
        return 1

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Marks ``(N,)`` float64: 1 of elements that are meant, NaN of all others."""
        numbers = np.asarray(values, dtype=np.float64)
        return np.where(numbers == 1, 1.0, np.nan)

    def truth(self, values: np.ndarray) -> np.ndarray:
        """What predictions are compared with: as `encode`."""
        return self.encode(values)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:  # noqa: ARG002 - as of all heads
        """``-log p`` ``(N,)`` of outputs ``(N, 1)``, that count for marked elements alone; nats."""
        return -outputs[:, 0]

    def predict(self, outputs: Tensor) -> Tensor:
        """Probabilities ``(N, 1)``, which add up to one over a set, of outputs ``(N, 1)``."""
        return outputs.exp()

    def columns(self, predicted: np.ndarray, *, qualified: bool) -> dict[str, np.ndarray]:  # noqa: ARG002 - as of all
        """The prediction column ``probability_<target>``."""
        return {f"probability_{self.target}": predicted[:, 0]}


def named_elements(probabilities: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """How much each element is named ``(N,)``: 1 for the most probable one of its set; ties share it evenly."""
    starts = np.cumsum(sizes) - sizes
    best = probabilities == np.repeat(np.maximum.reduceat(probabilities, starts), sizes)
    return best / np.repeat(np.add.reduceat(best.astype(np.float64), starts), sizes)


def check_marks(marks: np.ndarray, sizes: np.ndarray, set_ids: list[str], target: str) -> None:
    """Refuse marks ``(N,)`` other than 0 and 1, and sets in which not exactly one element is marked.

    Raises:
        InputError: such marks, with the names of the sets.
    """
    odd = marks[~np.isin(marks, (0.0, 1.0)) & ~np.isnan(marks)]
    if odd.size:
        raise InputError(
            f"labels {target!r} must be 1 for the one element that is meant and 0 for the others; got {odd[0]:g}."
        )
    counts = np.add.reduceat(marks == 1, np.cumsum(sizes) - sizes, dtype=np.int64)
    bad = np.flatnonzero(counts != 1)
    if bad.size:
        few = ", ".join(f"{set_ids[row]!r} has {counts[row]}" for row in bad[:3])
        raise InputError(
            f"exactly one element of each set must be marked 1 in {target!r}; {bad.size} of {len(sizes)} sets differ: "
            f"{few}. Mend them, drop these sets, or label elements independently (--task classification)."
        )
