"""Transforms of elements, fitted on the training sets and kept with the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.store.store import SetStore

_CHUNK = 1 << 17  # elements turned into float64 at a time, at most
_NUMBERS = 1 << 23  # numbers turned into float64 at a time


@dataclass(frozen=True)
class Standardiser:
    """Shift and scale of each feature to mean 0 and standard deviation 1 over the elements of the training sets.

    ``(x - mean) / std``; a feature that is constant there keeps its scale (``std`` 1). Elements that are no vectors
    (images) share one mean and one standard deviation.

    Attributes:
        mean: ``(D,)`` in the units of the features.
        std: ``(D,)`` in the units of the features, above zero.

    Example:
        >>> Standardiser((1.0,), (2.0,)).apply(SetBatch.from_list([np.array([[1.0], [5.0]])])).elements.tolist()
        [[0.0], [2.0]]
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(s > 0 and np.isfinite(s) for s in self.std):
            raise InputError(f"std must be above zero for each of {len(self.mean)} features; got {self.std}.")

    @classmethod
    def fit(cls, store: SetStore, rows: Sequence[int] | np.ndarray) -> "Standardiser":
        """Fit mean and standard deviation over all elements of some sets, each element with the same weight.

        Raises:
            InputError: no rows, or elements that are categories.
        """
        if len(rows) == 0:
            raise InputError("a standardiser needs at least one set to be fitted on; got none.")
        if store.shape == ():
            raise InputError("categories cannot be standardised; embed them instead.")
        vectors = len(store.shape) == 1
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for row in rows:
            elements = store.elements(int(row))
            step = max(1, min(_CHUNK, _NUMBERS // int(np.prod(store.shape))))
            for start in range(0, len(elements), step):
                piece = elements[start : start + step].astype(np.float64)
                piece = piece if vectors else piece.reshape(-1, 1)
                centre = piece.mean(0)
                spread = np.square(piece - centre).sum(0)
                total = count + len(piece)  # means and squares of two parts as those of both (Chan et al. 1979)
                squares = squares + spread + np.square(centre - mean) * count * len(piece) / total
                mean = mean + (centre - mean) * len(piece) / total
                count = total
        std = np.sqrt(squares / count)
        resolution = np.abs(mean) * 2.0**-24  # below it lies rounding of float32 alone
        return cls(tuple(mean.tolist()), tuple(np.where(std > resolution, std, 1.0).tolist()))

    def apply(self, batch: SetBatch) -> SetBatch:
        """Standardise sets on the device of the batch; integer elements become the default dtype.

        Raises:
            InputError: another number of features.
        """
        elements = batch.elements
        if not elements.is_floating_point():
            elements = elements.to(torch.get_default_dtype())
        if len(self.mean) > 1 and elements.shape[1:] != (len(self.mean),):
            raise InputError(
                f"elements must have {len(self.mean)} features, as in training; got shape {tuple(elements.shape[1:])}."
            )
        mean, std = elements.new_tensor(self.mean), elements.new_tensor(self.std)
        return batch.with_elements((elements - mean).div_(std))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the numbers as plain lists."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Standardiser":
        """Make a standardiser from what `to_dict` gave."""
        return cls(tuple(values["mean"]), tuple(values["std"]))
