"""The choices of reading, each declared once: its default, its bounds, and what help says of it."""

from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from setwise._checks import InputError, check_choice

if TYPE_CHECKING:
    from setwise.store.processing import Processing  # costs a second, which help does not wait for


@dataclass(frozen=True)
class Option:
    """The declaration of one option.

    Attributes:
        help: what it does, for help and documentation.
        flags: its name on the command line.
        metavar: what stands for its value in help, where its type says too little.
        otherwise: what happens where it is not given, where the default does not say so.
        least: its least value, of numbers.
        choices: its values, of words.
    """

    help: str
    flags: str
    metavar: str | None = None
    otherwise: str | None = None
    least: float | None = None
    choices: tuple[str, ...] = ()


def _declared(default: Any, text: str, flags: str, **more: Any) -> Any:
    return field(default=default, metadata={"option": Option(text, flags, **more)})


@dataclass(frozen=True)
class Reading:
    """The choices of reading; none means what suits the source, or what the model was fitted on.

    A choice that the reader of a source does not have (`setwise.readers.reader.Reader.options`) is refused by
    `setwise.read`.

    Raises:
        InputError: a value that is out of its bounds.
    """

    file_column: str | None = _declared(
        None,
        "Column of the table of sets that names the file of each set.",
        "--file-column",
        metavar="COLUMN",
        otherwise="fcs_filename, file and the like",
    )
    compensate: bool | None = _declared(
        None,
        "Take back spillover by the matrix in each FCS file.",
        "--compensation/--no-compensation",
        otherwise="where there is one",
    )
    cofactor: float | None = _declared(
        None,
        "Of arcsinh(x / cofactor), in the units of the feature; 0 for none.",
        "--cofactor",
        otherwise="150 for flow, 5 for mass cytometry, else none",
        least=0,
    )
    missing: str | None = _declared(
        None,
        "Missing values in features: refused, or marked by a feature beside each that has some.",
        "--missing",
        otherwise="error",
        choices=("error", "mask"),
    )
    skip_bad: bool = _declared(False, "Leave out files that cannot be read or have no row.", "--skip-bad")
    data_set: int = _declared(1, "Which data set of FCS files that have several, from 1.", "--data-set", least=1)
    layer: str | None = _declared(None, "Layer of an AnnData file, in place of X.", "--layer", metavar="NAME")
    obsm: str | None = _declared(None, "Array of obsm, such as X_pca, in place of X.", "--obsm", metavar="NAME")
    tree: str | None = _declared(None, "Tree of a ROOT file that has several.", "--tree", metavar="NAME")

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            if value is not None and option.choices:
                check_choice(name, value, option.choices)
            if value is not None and option.least is not None and not value >= option.least:
                raise InputError(f"{name} must be {option.least:g} or more; got {value}.")
        if self.layer is not None and self.obsm is not None:
            raise InputError("layer and obsm cannot go together: each stands in for X. Choose one of the two.")

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the choices that are not their defaults."""
        return tuple(choice.name for choice in fields(self) if getattr(self, choice.name) != choice.default)


def option_of(choice: Field[Any]) -> Option:
    """Return the declaration of a field of `Reading`."""
    return choice.metadata["option"]


OPTIONS = {choice.name: option_of(choice) for choice in fields(Reading)}


def as_fitted(reading: Reading, processing: "Processing") -> Reading:
    """Return the choices for data that a model is to see, which must be those that it was fitted with.

    Raises:
        InputError: choices that say otherwise.
    """
    compensated = processing.is_compensated
    _check_fitted("cofactor", reading.cofactor, max(processing.cofactors.values(), default=0.0))
    if processing.compensation is not None:
        _check_fitted("compensate", reading.compensate, compensated)
    if processing.matrix is not None:
        kind, _, name = processing.matrix.partition(" ")
        fitted = {word: name if kind == word else None for word in ("layer", "obsm")}
        for word, value in fitted.items():
            _check_fitted(word, getattr(reading, word), value)
        reading = replace(reading, **fitted)
    if processing.compensation not in (None, "no matrix"):  # matrices of new files are refused, or left out if asked
        reading = replace(reading, compensate=compensated)
    return replace(reading, missing="mask") if processing.fills else reading


def _check_fitted(name: str, asked: object, fitted: object) -> None:
    if asked is not None and asked != fitted:
        raise InputError(
            f"{name} must be {fitted}, as when the model was fitted; got {asked!r}. Leave the option out: "
            "a run knows how its data were read."
        )
