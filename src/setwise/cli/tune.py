"""`setwise tune`: search for a model under a time budget, then fit and measure it."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._checks import InputError, counted
from setwise.cli import options, screen
from setwise.cli.inspect import show_data
from setwise.cli.reading import reads
from setwise.cli.screen import Screen
from setwise.cli.study import read_sets, study_of, takes_study

if TYPE_CHECKING:
    from setwise.readers.reading import Reading

_UNITS = {"s": 1, "m": 60, "h": 3600}


@reads
@takes_study("model", "test", "coverage")
def tune(
    context: typer.Context,
    source: options.Source,
    out: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the final run is written.")],
    budget: Annotated[str, typer.Option(metavar="TIME", help="Of a search: 90s, 30m, 2h.")] = "30m",
    trials: Annotated[int | None, typer.Option(min=1, help="At most; by default what the budget allows.")] = None,
    inner: Annotated[int, typer.Option(min=2, help="Folds that decide between trials.")] = 3,
    outer: Annotated[int, typer.Option(min=1, help="Repeat the whole search in so many folds, to measure it.")] = 1,
    test: Annotated[float, typer.Option(help="Share of the sets that takes no part in the search.")] = 0.2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a search that was stopped.")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="Of `setwise fit`; by default Deep Sets++ and Set Transformer++ are both searched."),
    ] = None,
    sets: options.Sets = None,
    set_id: options.SetId = "set_id",
    features: options.Features = None,
    baselines: Annotated[bool, typer.Option(help="Measure ridge and gradient boosting as well.")] = True,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    given: Mapping[str, Any],
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
    from setwise.cli.results import results_document, show_results, show_rows
    from setwise.report import write_report
    from setwise.report.rounding import number
    from setwise.validate.tune import TRIED
    from setwise.validate.tune import tune as search

    seconds = parse_time(budget)
    people = Screen(quiet=quiet, as_json=json)
    study = study_of({**given, "model": model or TRIED[0]})
    named = options.names(features)
    store = read_sets(given, reading, source=source, sets=sets, set_id=set_id, features=named)
    show_data(people, store, targets=study.targets, of=study.of)
    people.line()
    try:
        found = search(
            store,
            study,
            models=TRIED if model is None else (model,),
            budget=seconds,
            out=out,
            trials=trials,
            inner=inner,
            outer=outer,
            test=test,
            baselines=baselines,
            resume=resume,
            overwrite=overwrite,
            done=lambda count, best: people.line(f"trial {count}: best so far {number(best)}"),
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
            title=f"The whole search, in each of {outer} outer folds (95% intervals)",
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


def parse_time(text: str) -> float:
    """Parse a time such as 90s, 30m or 2h into seconds.

    Raises:
        InputError: anything else.

    Example:
        >>> parse_time("1.5h")
        5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if match is None or float(match[1]) == 0:
        raise InputError(f"a time must be a number with s, m or h, such as 90s, 30m or 2h; got {text!r}.")
    return float(match[1]) * _UNITS[match[2]]
