"""Options that several commands share, and how lists of names are written."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from setwise._checks import InputError

Source = Annotated[
    Path,
    typer.Argument(
        metavar="ELEMENTS",
        help="Table with a row per element (.csv, .csv.gz, .tsv, .parquet), nested .parquet, .h5, or a store (.arrow).",
    ),
]
Sets = Annotated[
    Path | None,
    typer.Option(metavar="TABLE", help="Table with one row per set: targets, covariates, group, split."),
]
SetId = Annotated[str, typer.Option(metavar="COLUMN", help="Column that names the set, in both tables.")]
Features = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A,B,...", help="Columns of the elements to use; by default every numeric one that looks measured."
    ),
]
RunDirectory = Annotated[Path, typer.Argument(metavar="RUN", help="Directory that `setwise fit` wrote.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that prepare batches.")]
ElementsPerBatch = Annotated[int | None, typer.Option(min=1, help="Most elements at a time.")]
MaxElements = Annotated[
    int | None, typer.Option(min=1, help="Elements drawn from larger sets; by default whole sets are used.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Most memory for activations, such as 2GiB; those of larger sets go to a scratch file."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def kinds(values: Sequence[str] | None, targets: Sequence[str]) -> str | dict[str, str] | None:
    """What ``--task`` says: a kind for all targets, or kinds by target; none where it says nothing or "auto"."""
    said: dict[str, str] = {}
    for value in values or ():
        target, equals, kind = value.rpartition("=")
        said |= {target: kind} if equals else dict.fromkeys(targets, value)
    said = {target: kind for target, kind in said.items() if kind != "auto"}
    return said or None


def orders(values: Sequence[str] | None) -> dict[str, list[str]] | None:
    """What ``--order`` says: classes from lowest to highest, by target."""
    said = {}
    for value in values or ():
        target, equals, classes = value.partition("=")
        if not equals:
            raise InputError(f"an order must be written TARGET=LOW,...,HIGH; got {value!r}.")
        said[target] = names([classes]) or []
    return said or None


def class_weights(value: str | None) -> str | dict[str, float] | None:
    """What ``--class-weights`` says: "balanced", or a weight for each class."""
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


def names(values: Sequence[str] | None) -> list[str] | None:
    """Names from an option that may be repeated and may hold several with commas between; none where not given.

    A name that holds a comma stands in double quotes, as in CSV files.
    """
    if not values:
        return None
    rows = csv.reader(values, skipinitialspace=True)
    return [name for row in rows for name in (part.strip() for part in row) if name]
