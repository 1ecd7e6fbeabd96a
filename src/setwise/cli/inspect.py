"""`setwise inspect`: show what would be read, before anybody trains."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setwise._checks import InputError
from setwise.cli import options
from setwise.cli.reading import reads
from setwise.cli.screen import Screen, warn

if TYPE_CHECKING:
    from setwise.readers.reading import Reading
    from setwise.runs.run import Run
    from setwise.runs.training_range import Placed
    from setwise.store.inspect import Summary
    from setwise.store.store import SetStore

_SHOWN = 20


@reads
def inspect(
    context: typer.Context,
    source: options.Source,
    sets: options.Sets = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column to be predicted; repeat for several.")
    ] = None,
    element_target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of the elements to be predicted of each; repeat for several."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What must not be split (the patient).", show_default="group")
    ] = None,
    features: options.Features = None,
    set_id: options.SetId = "set_id",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page: sizes, features over sets, batches, targets, problems."),
    ] = None,
    biaxial: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B", help="On that page, draw two features against each other; repeat for several."),
    ] = None,
    overwrite: options.Overwrite = False,
    call: options.Call = None,
    suggest_aliases: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW.csv", help="Write which features of the files may be one under several names, for --aliases."
        ),
    ] = None,
    json: options.Json = False,
    *,
    reading: "Reading",
) -> None:
    """Show what would be read: sets, sizes, features, missing values, targets, labels, groups, problems.

    [bold]Examples[/bold]

    setwise inspect cells.parquet

    setwise inspect cells.csv.gz --sets patients.csv --target hematocrit --group patient

    setwise inspect cells.parquet --element-target cell_type

    setwise inspect samples/ --sets samples.csv --target cmv --report samples.html --biaxial CD4,CD8

    setwise inspect samples/ --suggest-aliases aliases.csv

    setwise inspect cells.parquet --json > summary.json
    """
    from setwise.cli.writing import check_writable
    from setwise.readers.read import read
    from setwise.readers.registry import reader_of
    from setwise.report.words import Words
    from setwise.store.inspect import summarise

    screen, words = Screen(as_json=json), Words.chosen(call, reader_of(source).words)
    screen.say = words.say
    pairs = _pairs(biaxial)
    if report is not None:
        check_writable(report, overwrite=overwrite, suffixes=(".html",), inputs=(source, sets), option="--report")
    elif pairs:
        raise InputError("--biaxial draws on a page. Say where it goes with --report FILE.html.")
    if suggest_aliases is not None:
        found = _suggest_aliases(screen, source, reading, set_id=set_id, path=suggest_aliases)
        reading = reading.model_copy(update={"aliases": {**found, **(reading.aliases or {})}})
    store = read(
        source,
        sets=sets,
        set_id=set_id,
        features=options.names(features),
        strict=False,
        reading=reading,
        labels=element_target or (),
        targets=target or (),
    )
    summary = summarise(store, targets=target or (), group=group)
    show_summary(screen, summary)
    show_reading(screen, store)
    sentences = []
    if target or element_target:
        sentences = _plan(store, target, element_target, group)
        screen.heading("What a fit would do")
        for sentence in sentences:
            screen.line(f"- {sentence}")
    if report is not None:
        from setwise.report.inspection import Inspection, write_inspection

        command = shlex.join(["setwise", *(context.obj or ["inspect", "..."])])
        first = [name for name in (*(target or ()), group) if name is not None]
        write_inspection(store, summary, report, Inspection(command, sentences, pairs, first, words))
        screen.line()
        screen.line(f"Report: {report}")
    more = {"report": str(report)} if report is not None else {}
    screen.document(summary.to_dict() | ({"plan": sentences} if sentences else {}) | more)


def _pairs(values: Sequence[str] | None) -> list[tuple[str, str]]:
    """Parse ``--biaxial``: two features, with a comma between."""
    found = []
    for value in values or ():
        names = options.names([value]) or []
        if len(names) != 2:
            raise InputError(f"two features are drawn against each other, written A,B; got {value!r}.")
        found.append((names[0], names[1]))
    return found


def _plan(
    store: "SetStore", target: Sequence[str] | None, element_target: Sequence[str] | None, group: str | None
) -> list[str]:
    """Return what a fit would do with the targets."""
    from setwise.cli.study import study_of
    from setwise.report.plan import plan

    found = []
    for names, of in ((target, "targets"), (element_target, "of")):
        if names:
            found += plan(store, study_of({of: list(names), "group": group} if group else {of: list(names)}))
    return found


def _suggest_aliases(screen: Screen, source: Path, reading: "Reading", *, set_id: str, path: Path) -> dict[str, str]:
    """Write, print and return which names of features may be aliases of others."""
    from setwise._files import check_new
    from setwise.readers.aliases import HasPanels, suggested, write_aliases
    from setwise.readers.registry import READERS, reader_of
    from setwise.readers.request import ReadRequest

    reader = reader_of(source)
    if not isinstance(reader, HasPanels):
        having = " and ".join(other.name for other in READERS if isinstance(other, HasPanels))
        raise InputError(f"aliases are suggested for {having}; {source} is of {reader.name}. Leave the option out.")
    check_new(path)
    found = suggested(reader.panels(source, ReadRequest.of(set_id=set_id, reading=reading)))
    write_aliases(path, found)
    screen.heading(f"Aliases ({len(found)})")
    screen.table(["name", "alias"], [[name, alias] for alias, name in found.items()], text_columns=frozenset({0, 1}))
    screen.line(f"Check them in {path}, then read with --aliases {path}. What follows is read with them.")
    screen.line()
    return dict(found)


def show_summary(screen: Screen, summary: "Summary") -> None:
    """Print a summary of data for people."""
    from setwise.report.rounding import number

    screen.line(f"{summary.num_sets:,} sets, {summary.num_elements:,} elements of shape {summary.shape}")
    screen.line("elements of a set: " + ", ".join(f"{name} {number(value)}" for name, value in summary.sizes.items()))
    if summary.groups is not None:
        screen.line(f"groups: {summary.groups:,}")
    if summary.features:
        screen.heading(f"Features ({len(summary.features)})")
        rows = [
            [f.name, *map(number, (f.minimum, f.maximum, f.mean, f.std)), f"{f.missing:,}"]
            for f in summary.features[:_SHOWN]
        ]
        screen.table(["feature", "lowest", "highest", "mean", "std", "missing"], rows)
        show_rest(screen, [f.name for f in summary.features], _SHOWN)
    if summary.columns:
        screen.heading("Columns of the sets")
        rows = [
            [c.name, c.kind, f"{c.distinct:,}", f"{c.missing:,}", *map(number, (c.minimum, c.maximum, c.mean))]
            for c in summary.columns
        ]
        head = ["column", "kind", "different values", "missing", "lowest", "highest", "mean"]
        screen.table(head, rows, text_columns=frozenset({0, 1}))
    show_labels(screen, summary)
    screen.heading("Problems")
    for problem in summary.problems or ("none found",):
        screen.line(f"- {problem}")


def show_labels(screen: Screen, summary: "Summary") -> None:
    """Print what the labels of the elements hold: of classes, how many elements and how many sets have each."""
    from setwise.report.rounding import number

    if not summary.labels:
        return
    screen.heading("Labels of the elements")
    rows = [
        [x.name, x.kind, f"{x.distinct:,}", f"{x.missing:,}", f"{x.unlabelled:,}"]
        + [number(value) for value in (x.minimum, x.maximum, x.mean)]
        for x in summary.labels
    ]
    head = ["label", "kind", "different values", "missing", "sets without", "lowest", "highest", "mean"]
    screen.table(head, rows, text_columns=frozenset({0, 1}))
    for label in summary.labels:
        if label.elements is None or label.sets is None:
            continue
        counts = [[name, f"{count:,}", f"{label.sets[name]:,}"] for name, count in label.elements.items()]
        screen.line()
        screen.table([label.name, "elements", "sets that have it"], counts)


def show_data(screen: Screen, store: "SetStore", *, targets: Sequence[str], of: str) -> None:
    """Say what was read, which columns are features, and which are not."""
    screen.line(f"{len(store):,} sets, {store.num_elements:,} elements; to predict of {of}: {', '.join(targets)}")
    screen.heading(f"Features ({len(store.features)})")
    screen.line(", ".join(store.features[:_SHOWN]))
    show_rest(screen, store.features, _SHOWN)
    show_reading(screen, store)


def warn_of_reading(store: "SetStore", run: "Run") -> None:
    """Say, where people look for errors, which sets are missing, and what of the reading was not so in the fit."""
    for note in store.description.notes:
        if note not in run.record.reading:
            warn(note)
    for name, reason in store.description.skipped.items():
        warn(f"{name} is left out: {reason}")


def warn_of_place(store: "SetStore", run: "Run") -> "Placed | None":
    """Say, where people look for errors, which sets lie outside of what the run was trained on; and how far all lie."""
    from setwise.runs.predict import placed

    found = placed(run, store)
    for sentence in () if found is None else found.sentences(store.set_ids):
        warn(sentence)
    return found


def show_reading(screen: Screen, store: "SetStore") -> None:
    """Print what was left out, and how the elements were read."""
    show_left_out(screen, store.left_out)
    _show_no_measurement(screen, store)
    description = store.description
    if lines := [*description.processing.describe(), *description.notes]:
        screen.heading("Reading")
        for line in lines:
            screen.line(f"- {line}")
    if description.skipped:
        screen.heading(f"Skipped ({len(description.skipped)})")
        for name, reason in description.skipped.items():
            screen.line(f"- {name}: {reason}")


def _show_no_measurement(screen: Screen, store: "SetStore") -> None:
    """Say how columns are taken that were left out since they tell the set, count or tell time."""
    from setwise.cli.options import quoted
    from setwise.readers.order import NO_MEASUREMENT

    names = [name for name, reason in store.left_out.items() if reason in NO_MEASUREMENT]
    if names:
        named = quoted([*store.features, *names])
        screen.line(
            f"These look like no measurement: {', '.join(names)}. To take them all the same: --features {named}"
        )


def show_left_out(screen: Screen, left_out: Mapping[str, str]) -> None:
    """Print which columns are no features, and why."""
    if left_out:
        screen.heading("Left out")
        for name, reason in left_out.items():
            screen.line(f"- {name}: {reason}")


def show_rest(screen: Screen, names: Sequence[str], shown: int) -> None:
    """Say how many there are beyond those shown."""
    if len(names) > shown:
        screen.line(f"... and {len(names) - shown} more, up to {names[-1]}")
