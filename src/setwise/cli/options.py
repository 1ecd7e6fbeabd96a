"""Options that several commands share, and how lists of names are written."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from setwise._checks import InputError
from setwise.readers.registry import readable
from setwise.runs.directory import check_is_run


def _checked_directory(path: Path) -> Path:
    check_is_run(path)
    return path


_UNITS = {"s": 1, "m": 60, "h": 3600}

Source = Annotated[
    Path,
    typer.Argument(
        metavar="ELEMENTS",
        help=f"Any of: {readable()}.",
    ),
]
Sets = Annotated[
    Path | None,
    typer.Option(
        metavar="TABLE", help="Table with one row per set (CSV, Parquet, Excel): targets, covariates, group, split."
    ),
]
SetId = Annotated[str, typer.Option(metavar="COLUMN", help="Column that names the set, in both tables.")]
RunSetId = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column that names the set, in both tables.", show_default="that of the run"),
]
Features = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A,B,...",
        help="Columns or channels to use, or @FILE with one name a line; by default all that look measured.",
    ),
]
RunDirectory = Annotated[
    Path, typer.Argument(metavar="RUN", help="Directory that `setwise fit` wrote.", callback=_checked_directory)
]
Call = Annotated[
    str | None,
    typer.Option(
        metavar="SETS,ELEMENTS",
        help="Words for sets and elements in output and report.",
        show_default="samples,cells of FCS and AnnData; events,particles of ROOT",
    ),
]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def by_target(values: Sequence[str] | None, targets: Sequence[str], *, nothing: str) -> dict[str, str] | None:
    """Parse words for all targets, or ``TARGET=WORD``, by target; none where they say nothing.

    Args:
        values: as they were written.
        targets: that a word without a name is of.
        nothing: the word that says nothing.
    """
    said: dict[str, str] = {}
    for value in values or ():
        target, equals, word = value.rpartition("=")
        said |= {target: word} if equals else dict.fromkeys(targets, value)
    said = {target: word for target, word in said.items() if word != nothing}
    return said or None


def targets(of_sets: Sequence[str] | None, of_elements: Sequence[str] | None) -> tuple[list[str], tuple[str, ...]]:
    """Parse ``--target`` and ``--element-target``: what is predicted, and which of it are labels of elements.

    Raises:
        InputError: neither, or both.
    """
    if bool(of_sets) == bool(of_elements):
        raise InputError(
            "name what is to be predicted: of each set with --target, or of each element with --element-target; "
            f"got {'both, which are learned apart' if of_sets else 'neither'}."
        )
    return list(of_sets or of_elements or ()), tuple(of_elements or ())


def orders(values: Sequence[str] | None) -> dict[str, list[str]] | None:
    """Parse ``--order``: classes from lowest to highest, by target."""
    said = {}
    for value in values or ():
        target, equals, classes = value.partition("=")
        if not equals:
            raise InputError(f"an order must be written TARGET=LOW,...,HIGH; got {value!r}.")
        said[target] = names([classes]) or []
    return said or None


def cofactors(values: Sequence[str] | None) -> float | dict[str, float] | None:
    """Parse ``--cofactor``: a number for all features, NAME=NUMBER for some, or both.

    Example:
        >>> cofactors(["150", "CD3=50,CD4=200"])
        {'*': 150.0, 'CD3': 50.0, 'CD4': 200.0}
    """
    said = _by_feature(values)
    try:
        found = {name: float(text) for name, text in said.items()}
    except ValueError as error:
        raise InputError(f"a cofactor must be written NUMBER or NAME=NUMBER,NAME=NUMBER: {error}.") from None
    return found["*"] if list(found) == ["*"] else found or None


def transforms(values: Sequence[str] | None) -> str | dict[str, str] | None:
    """Parse ``--transform``: a word for all features, NAME=WORD for some, or both."""
    said = _by_feature(values)
    return said["*"] if list(said) == ["*"] else said or None


def _by_feature(values: Sequence[str] | None) -> dict[str, str]:
    """Parse texts for all features (``*``) and NAME=TEXT."""
    pairs = (part.rpartition("=") for part in names(values) or ())
    return {name if equals else "*": text for name, equals, text in pairs}


def aliases(path: str) -> dict[str, str]:
    """Read ``--aliases``: by alias, the name that it stands for."""
    from setwise.readers.aliases import read_aliases

    return read_aliases(Path(path))


def merges(values: Sequence[str] | None) -> dict[str, dict[str, list[str]]] | None:
    """Parse ``--merge-classes``: COLUMN, or COLUMN:NEW=OLD|OLD, by column the old names of each new one.

    Raises:
        InputError: anything else, or a class that is to become two.

    Example:
        >>> merges(["response", "stage:early=I|II", "stage:late=III"])
        {'response': {}, 'stage': {'early': ['I', 'II'], 'late': ['III']}}
    """
    said: dict[str, dict[str, list[str]]] = {}
    for value in values or ():
        left, equals, right = value.partition("=")
        column, colon, new = left.rpartition(":") if equals else (value, "", "")
        olds = [old.strip() for old in right.split("|") if old.strip()]
        if bool(equals) != bool(colon and column and new.strip() and olds):
            raise InputError(f"classes to merge must be written COLUMN or COLUMN:NEW=OLD|OLD; got {value!r}.")
        own = said.setdefault(column, {})
        for old in olds:
            if any(old in others for name, others in own.items() if name != new.strip()):
                raise InputError(f"a class must become one; {old!r} of {column!r} is to become two.")
        if equals:
            own.setdefault(new.strip(), []).extend(olds)
    return said or None


def class_weights(value: str | None) -> str | dict[str, float] | None:
    """Parse ``--class-weights``: "balanced", or a weight for each class."""
    if value is None or "=" not in value:
        return value
    said = {}
    for part in names([value]) or []:
        label, _, weight = part.rpartition("=")
        try:
            said[label] = float(weight)
        except ValueError:
            raise InputError(f"class weights must be written CLASS=NUMBER,CLASS=NUMBER; got {part!r}.") from None
    return said


def number_of_bytes(value: str) -> int:
    """Return what a size such as 2GiB stands for, in bytes."""
    from setwise.streaming import parse_bytes

    return parse_bytes(value)


def seconds(text: str) -> float:
    """Parse a time such as 90s, 30m or 2h into seconds.

    Raises:
        InputError: anything else.

    Example:
        >>> seconds("1.5h")
        5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if match is None or float(match[1]) == 0:
        raise InputError(f"a time must be a number with s, m or h, such as 90s, 30m or 2h; got {text!r}.")
    return float(match[1]) * _UNITS[match[2]]


def names(values: Sequence[str] | None) -> list[str] | None:
    """Parse names from an option that may be repeated or hold several with commas between; none where not given.

    A name that holds a comma stands in double quotes, as in CSV files. ``@FILE`` stands for the names in a file, one a
    line.

    Raises:
        InputError: a file that cannot be read.
    """
    if not values:
        return None
    lines = [line for value in values for line in (_lines(value) if value.startswith("@") else [value])]
    rows = csv.reader(lines, skipinitialspace=True)
    return [name for row in rows for name in (part.strip() for part in row) if name]


def quoted(names: Sequence[str]) -> str:
    """Write names as an option takes them; of many, where they would be written."""
    shown = [f'""{name}""' if "," in name else name for name in names]
    return '"' + ",".join(shown if len(shown) <= 30 else [*shown[:3], "...", *shown[-3:]]) + '"'


def _lines(value: str) -> list[str]:
    path = Path(value.removeprefix("@"))
    try:
        return [f'"{line.strip()}"' if "," in line else line for line in path.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the names in {path} cannot be read: {error}. Give a text file with one name a line."
        ) from None
