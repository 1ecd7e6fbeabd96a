"""The record of what was done to elements between their source and the store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from setwise._checks import InputError
from setwise.store.scales import scale_of

_COMPENSATION = {
    "all": "spillover compensated by the matrix in each file",
    "some": "spillover compensated where a file has a matrix",
    "none": "spillover not compensated",
    "no matrix": "no spillover to compensate: the files bring no matrix",
}
_AS_MEASURED = ("none", "no matrix")  # what is said of them differs, the values do not
MASK = "{name} (missing)"  # the feature that says where another one is missing


@dataclass(frozen=True)
class Processing:
    """The record of what was done to elements between their source and the store, to be done again to new data.

    Attributes:
        compensation: of FCS files: "all" files were compensated, "some" (those that have a matrix), "none" since that
            was asked for, or "no matrix", since they have none; none for other sources.
        cofactors: features that are ``arcsinh(x / cofactor)``, with their cofactors.
        scales: features that are transformed otherwise, with the text of it (`setwise.store.scales.scale_of`).
        fills: features that have a mask beside them, with the value that stands where they are missing: their mean
            over the elements that have one. The mask tells the model so; the number only keeps the spread.
        matrix: of AnnData files: "X", "layer counts", "obsm X_pca"; none for other sources.
        padding: the number of which the rows at the ends of sets consisted that were left out; none where none were.
    """

    compensation: str | None = None
    cofactors: Mapping[str, float] = field(default_factory=dict)
    fills: Mapping[str, float] = field(default_factory=dict)
    matrix: str | None = None
    padding: str | None = None
    scales: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return a record from what `to_dict` gave.

        Raises:
            ValueError: values that make no record.
        """
        found = cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})
        numbers = [*found.cofactors.values(), *found.fills.values()]
        words = all(word is None or isinstance(word, str) for word in (found.compensation, found.matrix, found.padding))
        if not words or any(isinstance(x, bool) or not isinstance(x, int | float) for x in numbers):
            raise ValueError("processing must hold names and numbers")
        for text in found.scales.values():
            scale_of(text)
        return found

    @property
    def is_compensated(self) -> bool:
        """Return whether spillover was taken back, of all files or of those that have a matrix."""
        return self.compensation in ("all", "some")

    def without_masks(self, features: tuple[str, ...]) -> tuple[str, ...]:
        """Return the features that are read, of those that a model takes."""
        masks = {MASK.format(name=name) for name in self.fills}
        return tuple(name for name in features if name not in masks)

    def describe(self) -> list[str]:
        """Return sentences for people; none where nothing was done."""
        lines = []
        if self.compensation is not None:
            lines.append(_COMPENSATION.get(self.compensation, self.compensation))
        for cofactor in sorted(set(self.cofactors.values())):
            names = [name for name, value in self.cofactors.items() if value == cofactor]
            lines.append(f"arcsinh(x / {cofactor:g}) of {', '.join(names)}")
        for text in sorted(set(self.scales.values())):
            names = [name for name, own in self.scales.items() if own == text]
            lines.append(f"{scale_of(text).words} of {', '.join(names)}")
        lines += [f"{name!r}: where missing, a mask of 1 and the mean {fill:g}" for name, fill in self.fills.items()]
        if self.matrix not in (None, "X"):
            lines.append(f"elements from {self.matrix}")
        return lines


def check_processing(fitted: Processing, found: Processing) -> None:
    """Refuse elements that were read otherwise than those that a model was fitted on.

    Raises:
        InputError: the difference, in words.
    """
    if fitted.compensation not in (None, "some", found.compensation) and not (
        fitted.compensation in _AS_MEASURED and found.compensation in (None, *_AS_MEASURED)
    ):
        raise InputError(
            f"the model was fitted on elements whose compensation is {fitted.compensation!r}; these have "
            f"{found.compensation or 'unknown'!r}. Give the FCS files themselves, with the matrices in them."
        )
    if dict(fitted.cofactors) != dict(found.cofactors):
        raise InputError(
            f"the model was fitted on {_told(fitted.cofactors)}; these elements have {_told(found.cofactors)}. "
            "Read them from their files with the run, or with the same cofactor."
        )
    if dict(fitted.scales) != dict(found.scales):
        raise InputError(
            f"the model was fitted on transforms {dict(fitted.scales) or 'none'}; these elements have "
            f"{dict(found.scales) or 'none'}. Read them from their files with the run."
        )
    if fitted.fills.keys() != found.fills.keys():
        raise InputError(
            f"the model was fitted with masks of {sorted(fitted.fills) or 'no feature'}; these elements have masks of "
            f"{sorted(found.fills) or 'no feature'}. Read them from their files with the run."
        )
    if fitted.matrix != found.matrix and None not in (fitted.matrix, found.matrix):
        raise InputError(f"the model was fitted on {fitted.matrix}; these elements are {found.matrix}.")


def _told(cofactors: Mapping[str, float]) -> str:
    if not cofactors:
        return "no arcsinh"
    return ", ".join(f"arcsinh({name} / {value:g})" for name, value in list(cofactors.items())[:4])
