"""`setwise tune`: search for a model under a time budget, then fit and measure it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._checks import counted
from setwise._options import declarations
from setwise.cli import options, screen
from setwise.cli.declared import takes
from setwise.cli.inspect import show_data
from setwise.cli.reading import reads
from setwise.cli.screen import Screen
from setwise.cli.study import read_sets, study_of, takes_study
from setwise.validate.search import Search

if TYPE_CHECKING:
    from setwise.readers.reading import Reading


@reads
@takes_study("test", "coverage", shown={"model": "Deep Sets++ and Set Transformer++"})
@takes(how=declarations(Search.model_fields, panel="Search"))
def tune(
    context: typer.Context,
    source: options.Source,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the final run is written.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a search that was stopped.")] = False,
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
    """Search depth, width, learning rate and model by cross-validation, then fit the best and measure it.

    Of these, what is given (--depth, --width, --learning-rate, --model) is held and not searched. What the best is
    measured on took no part in the search; with --element-target that is the elements of other sets. Other options are
    those of `setwise fit`.

    [bold]Examples[/bold]

    setwise tune cells.parquet --sets patients.csv --target cmv --budget 30m --out runs/tuned

    setwise tune cells.parquet --sets patients.csv --target cmv --budget 10m --outer 5 --out runs/tuned --resume
    """
    study = study_of(given)  # refuses before torch is imported

    from setwise.cli.results import results_document, show_results, show_rows
    from setwise.report.page import write_report
    from setwise.report.rounding import number
    from setwise.validate.tune import TRIED
    from setwise.validate.tune import tune as search

    people = Screen(quiet=quiet, as_json=json)
    named = options.names(features)
    store = read_sets(given, reading, source=source, sets=sets, set_id=set_id, features=named)
    show_data(people, store, targets=study.targets, of=study.of)
    people.line()
    try:
        found = search(
            store,
            study,
            models=(given["model"],) if "model" in given else TRIED,
            out=out,
            resume=resume,
            overwrite=overwrite,
            done=lambda count, best: people.line(f"trial {count}: best so far {number(best)}"),
            **how,
        )
    except KeyboardInterrupt:
        screen.warn("interrupted; the trials that are done are kept. Go on with --resume.")
        raise typer.Exit(130) from None
    report = write_report(found.run, store, command=shlex.join(["setwise", *(context.obj or ["tune", "..."])]))
    own = {name: choice for name, choice in found.study.model_choices.items() if choice is not None}
    choices = [f"{name} {choice}" for name, choice in own.items()] or ["as it was given"]
    rate = f"learning rate {number(found.study.config.learning_rate)}"
    people.line(f"Chosen: {', '.join([found.study.model, *choices, rate])} ({counted(len(found.trials), 'trial')})")
    show_results(people, found.run)
    if found.nested is not None:
        people.line()
        show_rows(
            people,
            found.nested.rows,
            found.run.objective,
            title=f"The whole search, in each of {how['outer']} outer folds (95% intervals)",
        )
    people.line()
    people.line(f"Run: {out}")
    people.line(f"Report: {report}")
    nested = None if found.nested is None else [row.model_dump(mode="json") for row in found.nested.rows]
    people.document(
        {"run": str(out), "report": str(report), "trials": list(found.trials), "nested": nested}
        | results_document(found.run)
    )
    return found
