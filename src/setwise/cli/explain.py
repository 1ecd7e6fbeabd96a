"""`setwise explain`: score the elements that a prediction rests on, and say how far that can be trusted."""

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._options import declarations
from setwise.cli import options
from setwise.cli.declared import takes
from setwise.cli.inspect import warn_of_reading
from setwise.cli.reading import reads
from setwise.cli.screen import Screen
from setwise.explanations.config import ExplainConfig
from setwise.readers.registry import copier_of, copyable

if TYPE_CHECKING:
    from setwise.explanations.cost import Plan
    from setwise.explanations.explain import Explanation
    from setwise.readers.reading import Reading
    from setwise.runs.run import Run
    from setwise.store.store import SetStore


@reads
@takes(given=declarations(ExplainConfig.model_fields))
def explain(
    context: typer.Context,
    run: options.RunDirectory,
    source: options.Source,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where tables, figures and explanation.html go.")],
    sets: options.Sets = None,
    set_id: options.RunSetId = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ID,...", help="Names of the sets to explain.")] = None,
    copies: Annotated[
        bool,
        typer.Option(
            "--copies",
            help=f"Copy what was read into FOLDER with the scores: {copyable()}.",
        ),
    ] = False,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    given: Mapping[str, Any],
    reading: "Reading",
) -> None:
    """Score every element by how much it moves the prediction, and test whether the scores are faithful.

    With the data that the run was fitted on, the run's report takes in what was found.

    [bold]Examples[/bold]

    setwise explain runs/hct cells.parquet --out why

    setwise explain runs/anemia cells.csv.gz --of yes --only p012,p033 --out why --exact-limit 5000

    setwise explain runs/cmv samples/ --sets samples.csv --out why --max-elements 20000 --copies
    """
    from setwise.explanations.copies import copy_with_scores
    from setwise.explanations.cost import plan
    from setwise.explanations.explain import explain as explain_sets
    from setwise.readers.request import ReadRequest
    from setwise.report.explanation import draw
    from setwise.report.explanation_files import check_folder, write_explanation
    from setwise.report.page import add_explanation
    from setwise.runs.predict import read_for
    from setwise.runs.remembered import read_as
    from setwise.runs.run import Run
    from setwise.streaming import SweepBar

    check_folder(out, overwrite=overwrite)
    if copies:
        copier_of(source)
    config = ExplainConfig(**given)
    loaded = Run.load(run)
    how = read_as(loaded, source, sets=sets, set_id=set_id, reading=reading, measured=True)
    store = read_for(loaded, source, **how, measured=True)
    warn_of_reading(store, loaded)
    names = options.names(only)
    chosen = plan(loaded, store, config, only=names)
    people = Screen(quiet=quiet, as_json=json)
    if config.of is None and len(loaded.objective.names) > 1:
        first, *others = loaded.objective.names
        people.line(f"Explained is {first}; name another with --of ({', '.join(others)})")
    _show_plan(people, loaded, store, chosen)
    with SweepBar(show=False if people.silent else None) as bar:
        bar.begin("explaining", chosen.total)
        found = explain_sets(loaded, store, config=config, only=names, device=device, on_elements=bar.advance)
    arguments = context.obj or ["explain", "..."]
    request = ReadRequest.of(**how)
    write_copies = partial(copy_with_scores, found, source, request) if copies else None
    command = shlex.join(["setwise", *arguments])
    figures = draw(found, store)
    write_explanation(found, figures, out, command=command, copies=write_copies)
    same_data = store.fingerprint == loaded.record.fingerprint
    report = add_explanation(loaded, found, figures) if same_data else None
    _show(people, found, out, report)


def _show_plan(people: Screen, run: "Run", store: "SetStore", chosen: "Plan") -> None:
    """Show what will be computed, and what it costs, before it starts."""
    from setwise.explanations.cost import seconds
    from setwise.report.faithfulness import METHOD_WORDS
    from setwise.report.rounding import duration

    rows = chosen.rows
    fitted = run.record.split.known
    known = sum(store.set_ids[row] in fitted for row in rows.tolist())
    people.line(
        f"{len(rows):,} of {len(store):,} sets by {', '.join(METHOD_WORDS[name] for name in chosen.methods)}; "
        f"{known:,} of them are named like sets that the model was fitted on"
    )
    larger = int((store.sizes[rows] > chosen.max_elements).sum())
    if larger:
        people.line(
            f"{larger:,} sets have more than {chosen.max_elements:,} elements: a random part of each is explained"
        )
    parts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in chosen.elements.items())
    people.line(
        f"About {chosen.total:,} elements pass through the model ({parts}): "
        f"about {duration(seconds(run, store, chosen))} on this processor"
    )


def _show(people: Screen, found: "Explanation", out: Path, report: Path | None) -> None:
    """Show what was found, for people and for machines."""
    from setwise.report.explanation_files import PAGE
    from setwise.report.faithfulness import faithful_to, faithful_words, more_elements_words, standings

    standing, doubt = standings(found), faithful_to(found.answers.run)
    if doubt is not None:
        people.line()
        people.line(doubt)
    for own in standing:
        people.line()
        people.line(faithful_words(own, found.answers.unit))
    people.line()
    people.line(more_elements_words(found))
    people.line()
    people.line(f"{found.scores.num_rows:,} elements scored: {out / 'scores.parquet'}")
    people.line(f"Page: {out / PAGE}")
    if report is not None:
        people.line(f"Report, with what was found: {report}")
    people.document(
        {
            "out": str(out),
            "page": str(out / PAGE),
            "report": None if report is None else str(report),
            "sets": found.sets.num_rows,
            "elements": found.scores.num_rows,
            "doubt": doubt,
            "methods": [
                {
                    "name": own.method,
                    "area": own.area if own.sets else None,
                    "random_area": own.random_area if own.sets else None,
                    "random_orders_beaten": own.beaten if own.sets else None,
                    "verdict": own.verdict,
                }
                for own in standing
            ],
        }
    )
