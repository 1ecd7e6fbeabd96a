"""`setwise cv`: cross-validate a model beside the baselines, with intervals."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._options import declarations
from setwise.cli import options, screen
from setwise.cli.declared import takes
from setwise.cli.inspect import show_data
from setwise.cli.reading import reads
from setwise.cli.screen import Screen
from setwise.cli.study import read_sets, study_of, takes_study
from setwise.validate.resampling import Resampling

if TYPE_CHECKING:
    from setwise.readers.reading import Reading
    from setwise.validate.cross_validation import CrossValidation


@reads
@takes_study("test", "coverage")
@takes(how=declarations(Resampling.model_fields, panel="Evaluation"))
def cv(
    context: typer.Context,
    source: options.Source,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where folds, predictions and the report go.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an evaluation that was stopped.")] = False,
    sets: options.Sets = None,
    set_id: options.SetId = "set_id",
    features: options.Features = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    given: Mapping[str, Any],
    how: Mapping[str, Any],
    reading: "Reading",
) -> object:
    """Cross-validate: every set is predicted by models that have not seen it, beside simple baselines.

    Groups stay whole, classes are spread, each fold has its own validation sets and baselines. With --element-target
    the elements are predicted by models that have not seen their sets, and --permutations shuffle labels within sets.
    Other options are those of `setwise fit`.

    [bold]Examples[/bold]

    setwise cv cells.parquet --sets patients.csv --target cmv --group patient --repeats 10 --jobs 4 --out runs/cv

    setwise cv cells.parquet --sets patients.csv --target cmv --permutations 100 --out runs/cv --resume

    setwise cv cells.parquet --element-target cell_type --out runs/types
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    study = study_of(given)  # refuses before torch is imported

    from setwise.report.cross_validation import write_report
    from setwise.validate.cross_validation import as_document, cross_validate

    people = Screen(quiet=quiet, as_json=json)
    named = options.names(features)
    store = read_sets(given, reading, source=source, sets=sets, set_id=set_id, features=named)
    show_data(people, store, targets=study.targets, of=study.of)
    shown = not people.silent and sys.stderr.isatty()
    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("fits, left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task("", total=None)
        try:
            found = cross_validate(
                store,
                study,
                out=out,
                resume=resume,
                overwrite=overwrite,
                done=lambda count, total: bar.update(task, completed=count, total=total),
                **how,
            )
        except KeyboardInterrupt:
            screen.warn("interrupted; the folds that are done are kept. Go on with --resume.")
            raise typer.Exit(130) from None
    report = write_report(found, store, out, command=shlex.join(["setwise", *(context.obj or ["cv", "..."])]))
    _show(people, found)
    people.line()
    people.line(f"Predictions: {out / 'predictions.parquet'}")
    people.line(f"Report: {report}")
    document: dict[str, Any] = {"out": str(out), "report": str(report), "skipped": dict(store.description.skipped)}
    people.document(document | as_document(found))
    return found


def _show(people: Screen, found: "CrossValidation") -> None:
    from setwise.cli.results import show_rows
    from setwise.report.evidence import conclusion, divided, evidence

    people.line()
    show_rows(people, found.measured.rows, found.objective, title=divided(found))
    people.line()
    for sentence in [*conclusion(found), *evidence(found)]:
        people.line(sentence)
