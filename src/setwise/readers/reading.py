"""Declare the choices of reading."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from setwise._checks import InputError
from setwise._options import Option, Record, declarations

if TYPE_CHECKING:
    from setwise.store.processing import Processing  # costs a second, which help does not wait for


def _cofactors(value: Any) -> Any:
    """Refuse what is no cofactor: of all features, or by name."""
    for name, number in value.items() if isinstance(value, Mapping) else [("", value)]:
        of = f"cofactor of {name}" if name else "cofactor"
        if number is None and not name:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{of} must be a number; got {number!r}")
        if not math.isfinite(number):
            raise InputError(f"{of}: input should be a finite number; got {number!r}")
        if number < 0:
            raise InputError(f"{of} must be at least zero; got {number!r}")
    return value


Cofactors = Annotated[Any, BeforeValidator(_cofactors)]  # float, or by name or pattern, or none


class Reading(Record):
    """The choices of reading; none means what suits the source, or what the model was fitted on.

    A choice that the reader of a source does not have (`setwise.readers.reader.Reader.options`) is refused by
    `setwise.read`.
    """

    file_column: Annotated[
        str | None, Option(metavar="COLUMN", shown="fcs_filename, filename, file, path and the like")
    ] = Field(default=None, description="column of the table of sets that names the file of each set")
    compensate: Annotated[bool | None, Option(name="compensation", shown="where there is one")] = Field(
        default=None, description="take back spillover by the matrix in each FCS file"
    )
    cofactor: Annotated[
        Cofactors,
        Option(
            metavar="NUMBER|NAME=NUMBER,...", syntax="cofactors", shown="150 for flow, 5 for mass cytometry, else none"
        ),
    ] = Field(
        default=None,
        description="of arcsinh(x / cofactor), in the units of the feature, of all features or by name or pattern "
        "(CD3=50,CD4=200); 0 for none",
    )
    transform: Annotated[
        str | Mapping[str, str] | None, Option(metavar="WORD|NAME=WORD,...", syntax="transforms", shown="arcsinh")
    ] = Field(
        default=None,
        description="of all features or by name or pattern (CD3=logicle,CD4=log): arcsinh, logicle, biexponential "
        "(the same), log, none; with numbers logicle:T:W:M:A (262144, 0.5, 4.5, 0; T the top of the file's scale), "
        "log:LEAST (1)",
    )
    missing: Annotated[Literal["error", "mask"] | None, Option(shown="error")] = Field(
        default=None,
        description="missing values in features: refused, or marked by a feature beside each that has some",
    )
    padding: Annotated[Literal["drop", "keep"] | None, Option(shown="dropped where all sets have one size")] = Field(
        default=None,
        description="rows of one number, zero or NaN, at the ends of sets: dropped, or kept as elements",
    )
    drop_unlabelled: bool = Field(
        default=False, description="leave out sets without a target, or without a row in the table of sets, by name"
    )
    drop_empty: bool = Field(default=False, description="leave out sets without elements, by name")
    aliases: Annotated[Mapping[str, str] | None, Option(metavar="FILE", syntax="aliases", shown="none")] = Field(
        default=None,
        description="features that are one under several names: a CSV file name,alias, as setwise inspect "
        "--suggest-aliases makes it",
    )
    merge_classes: Annotated[
        Mapping[str, Mapping[str, Sequence[str]]] | None,
        Option(metavar="COLUMN[:NEW=OLD|OLD]", syntax="merges", shown="none"),
    ] = Field(
        default=None,
        description="classes of a column that are one: those that differ in spelling alone, and those that are named "
        "(response:ill=sick|diseased)",
    )
    skip_bad: bool = Field(default=False, description="leave out files that cannot be read or have no row")
    data_set: int = Field(default=1, ge=1, description="data set of FCS files that have several, counted from 1")
    keywords: Annotated[Sequence[str] | None, Option(metavar="A,B,...", syntax="names", shown="none")] = Field(
        default=None, description="keywords of FCS files that become columns of the sets: targets, groups, covariates"
    )
    ignore_tot: bool = Field(
        default=False, description="take the events that FCS files hold, whatever $TOT says of their number"
    )
    layer: Annotated[str | None, Option(metavar="NAME")] = Field(
        default=None, description="layer of an AnnData file, in place of X"
    )
    obsm: Annotated[str | None, Option(metavar="NAME")] = Field(
        default=None, description="array of obsm, such as X_pca, in place of X"
    )
    sheet: Annotated[str | None, Option(metavar="NAME", shown="the first")] = Field(
        default=None, description="sheet of a table of sets in an Excel file"
    )
    types: Annotated[Sequence[str] | None, Option(metavar="A,B,...", syntax="names", shown="none")] = Field(
        default=None,
        description="types of elements that are one set, with a flag each: Jet,Muon for list columns Jet_*, Muon_*; "
        "--features Jet_*,Muon_* says so too",
    )
    tree: Annotated[str | None, Option(metavar="NAME")] = Field(
        default=None, description="tree of a ROOT file that has several"
    )

    @model_validator(mode="after")
    def _check_one_matrix(self) -> Self:
        if self.layer is not None and self.obsm is not None:
            raise InputError("layer and obsm cannot go together: each stands in for X. Choose one of the two.")
        return self

    @property
    def given(self) -> tuple[str, ...]:
        """Return the names of the choices that are not their defaults."""
        return tuple(name for name, field in Reading.model_fields.items() if getattr(self, name) != field.default)

    @property
    def of_sets(self) -> "Reading":
        """Return the choices for a store that holds what was read: what is done to its table of sets."""
        return Reading(merge_classes=self.merge_classes)


READING = declarations(Reading.model_fields, panel="Reading")


def as_fitted(reading: Reading, processing: "Processing") -> Reading:
    """Return the choices for data that a model is to see, which must be those that it was fitted with.

    Raises:
        InputError: choices that say otherwise.
    """
    compensated = processing.is_compensated
    _check_cofactors(reading.cofactor, processing.cofactors)
    if reading.transform is not None:
        raise InputError(
            f"transforms must be those that the model was fitted with; got {reading.transform!r}. Leave the option "
            "out: a run knows how its data were read."
        )
    if processing.compensation is not None:
        _check_fitted("compensate", reading.compensate, compensated)
    if processing.padding is not None:
        _check_fitted("padding", reading.padding, "drop")
    if processing.matrix is not None:
        kind, _, name = processing.matrix.partition(" ")
        fitted = {word: name if kind == word else None for word in ("layer", "obsm")}
        for word, value in fitted.items():
            _check_fitted(word, getattr(reading, word), value)
        reading = reading.model_copy(update=fitted)
    if processing.compensation not in (None, "no matrix"):  # matrices of new files are refused, or left out if asked
        reading = reading.model_copy(update={"compensate": compensated})
    return reading.model_copy(update={"missing": "mask"}) if processing.fills else reading


def _check_cofactors(asked: float | Mapping[str, float] | None, fitted: Mapping[str, float]) -> None:
    if isinstance(asked, Mapping):
        for name, value in asked.items():
            _check_fitted(f"the cofactor of {name}", value, fitted.get(name, 0.0))
    else:
        _check_fitted("cofactor", asked, max(fitted.values(), default=0.0))


def _check_fitted(name: str, asked: object, fitted: object) -> None:
    if asked is not None and asked != fitted:
        raise InputError(
            f"{name} must be {fitted}, as when the model was fitted; got {asked!r}. Leave the option out: "
            "a run knows how its data were read."
        )
