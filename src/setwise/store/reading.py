"""How files are read: every choice that is not a column, in one frozen record; and what was done to the elements."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from setwise._checks import InputError, check_choice, check_positive

MISSING = ("error", "mask")
_COMPENSATION = {
    "all": "spillover compensated by the matrix in each file",
    "some": "spillover compensated where a file has a matrix",
    "none": "spillover not compensated",
    "no matrix": "no spillover to compensate: the files bring no matrix",
}
_AS_MEASURED = ("none", "no matrix")  # what is said of them differs, the values do not
MASK = "{name} (missing)"  # the feature that says where another one is missing


@dataclass(frozen=True)
class Reading:
    """Choices of reading; none means what suits the file, or what the model was fitted on.

    Attributes:
        file_column: column of the table of sets that names the file of each set, for folders of files.
        compensate: take the spillover that an FCS file brings back.
        cofactor: of ``arcsinh(x / cofactor)``, in the units of the feature; 0 for none. By default 150 for flow
            cytometry, 5 for mass cytometry, and none for all other files.
        missing: ``"error"`` refuses features with missing values; ``"mask"`` gives each of them a feature beside it
            that is 1 where it is missing.
        skip_bad: leave out what cannot be read and what does not fit, and say so, instead of refusing all.
        data_set: which data set of FCS files that have several, counted from 1.
        layer: layer to use in place of ``X``, of AnnData files.
        obsm: array of ``obsm`` to use in place of ``X``, such as ``X_pca``, of AnnData files.
        tree: the tree to read, of ROOT files that have several.

    Raises:
        InputError: a value that is none of the choices.
    """

    file_column: str | None = None
    compensate: bool | None = None
    cofactor: float | None = None
    missing: str | None = None
    skip_bad: bool = False
    data_set: int = 1
    layer: str | None = None
    obsm: str | None = None
    tree: str | None = None

    def __post_init__(self) -> None:
        if self.missing is not None:
            check_choice("missing", self.missing, MISSING)
        if self.cofactor:
            check_positive(cofactor=self.cofactor)
        if self.layer is not None and self.obsm is not None:
            raise InputError("layer and obsm cannot go together: each stands in for X. Choose one of the two.")
        check_positive(data_set=self.data_set)


@dataclass(frozen=True)
class Processing:
    """What was done to the elements between their source and the store; a model is told the same of new data.

    Attributes:
        compensation: of FCS files: "all" files were compensated, "some" (those that have a matrix), "none" since that
            was asked for, or "no matrix", since they have none; none for other sources.
        cofactors: features that are ``arcsinh(x / cofactor)``, with their cofactors.
        fills: features that have a mask beside them, with the value that stands where they are missing: their mean
            over the elements that have one. The mask tells the model so; the number only keeps the spread.
        matrix: of AnnData files: "X", "layer counts", "obsm X_pca"; none for other sources.
    """

    compensation: str | None = None
    cofactors: Mapping[str, float] = field(default_factory=dict)
    fills: Mapping[str, float] = field(default_factory=dict)
    matrix: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A record from what `to_dict` gave.

        Raises:
            ValueError: values that make no record.
        """
        found = cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})
        numbers = [*found.cofactors.values(), *found.fills.values()]
        words = all(word is None or isinstance(word, str) for word in (found.compensation, found.matrix))
        if not words or any(isinstance(x, bool) or not isinstance(x, int | float) for x in numbers):
            raise ValueError("processing must hold names and numbers")
        return found

    def without_masks(self, features: tuple[str, ...]) -> tuple[str, ...]:
        """The features that are read, of those that a model takes."""
        masks = {MASK.format(name=name) for name in self.fills}
        return tuple(name for name in features if name not in masks)

    def describe(self) -> list[str]:
        """Sentences for people; empty where nothing was done."""
        lines = []
        if self.compensation is not None:
            lines.append(_COMPENSATION.get(self.compensation, self.compensation))
        for cofactor in sorted(set(self.cofactors.values())):
            names = [name for name, value in self.cofactors.items() if value == cofactor]
            lines.append(f"arcsinh(x / {cofactor:g}) of {', '.join(names)}")
        lines += [f"{name!r}: where missing, a mask of 1 and the mean {fill:g}" for name, fill in self.fills.items()]
        if self.matrix not in (None, "X"):
            lines.append(f"elements from {self.matrix}")
        return lines


def as_fitted(reading: Reading, processing: Processing) -> Reading:
    """The choices for data that a model is to see, which must be those that it was fitted with.

    Raises:
        InputError: choices that say otherwise.
    """
    told = {
        "compensate": processing.compensation not in _AS_MEASURED,
        "cofactor": max(processing.cofactors.values(), default=0.0),
    }
    for name, value in told.items():
        asked = getattr(reading, name)
        if asked is not None and asked != value and (name != "compensate" or processing.compensation is not None):
            raise InputError(
                f"{name} must be {value}, as when the model was fitted; got {asked}. Leave the option out: "
                "a run knows how its data were read."
            )
    layer = obsm = None
    if processing.matrix is not None:
        kind, _, name = processing.matrix.partition(" ")
        layer, obsm = (name if kind == "layer" else None), (name if kind == "obsm" else None)
        for word, asked, fitted in (("layer", reading.layer, layer), ("obsm", reading.obsm, obsm)):
            if asked is not None and asked != fitted:
                raise InputError(
                    f"{word} must be {fitted}, as when the model was fitted; got {asked!r}. Leave the option out."
                )
    known = processing.compensation not in (
        None,
        "no matrix",
    )  # matrices of new files are refused, or left out if asked
    compensate = told["compensate"] if known else reading.compensate
    missing = "mask" if processing.fills else reading.missing
    return replace(reading, compensate=compensate, missing=missing, layer=layer, obsm=obsm)


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
