"""`setwise evaluate`: measure a saved run on sets whose targets are known."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setwise._options import declarations
from setwise.cli import options, screen
from setwise.cli.declared import takes
from setwise.cli.inspect import warn_of_place, warn_of_reading
from setwise.cli.reading import reads
from setwise.cli.results import show_rows
from setwise.cli.screen import Screen
from setwise.runs.computing import Computing

if TYPE_CHECKING:
    from setwise.readers.reading import Reading


@reads
@takes(given=declarations(Computing.model_fields))
def evaluate(
    run: options.RunDirectory,
    source: options.Source,
    sets: options.Sets = None,
    set_id: options.RunSetId = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep targets and predictions, a row per set (or element): .parquet or .csv."
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    *,
    given: Mapping[str, Any],
    reading: "Reading",
) -> None:
    """Measure a run on sets whose targets (or elements whose labels) are known.

    [bold]Examples[/bold]

    setwise evaluate runs/hct new_cells.parquet --sets new_patients.csv

    setwise evaluate runs/hct new_cells.parquet --sets new_patients.csv --out checked.csv --json
    """
    from setwise.assess.evaluate import evaluate as evaluate_sets
    from setwise.cli.writing import check_writable, write_tables
    from setwise.report.words import Words
    from setwise.runs.predict import read_for
    from setwise.runs.record import TestRow
    from setwise.runs.run import Run

    if out is not None:
        check_writable(out, overwrite=overwrite, inputs=(source, sets))
    loaded = Run.load(run)
    labels = loaded.objective.names if loaded.objective.of == "elements" else ()
    store = read_for(loaded, source, sets=sets, set_id=set_id, reading=reading, labels=labels, measured=True)
    warn_of_reading(store, loaded)
    warn_of_place(store, loaded)
    found = evaluate_sets(loaded, store, **given, progress=False if json else None)
    if out is not None:
        write_tables([found.predictions], out)
    record, num_sets = loaded.record, found.num_sets
    people = Screen(as_json=json)
    people.say = Words.of(record.call).say
    here = [TestRow(name=record.model, metrics=found.metrics, intervals=found.intervals)]
    show_rows(people, here, record.objective, title=f"On these {num_sets:,} sets")
    if record.test:
        people.line()
        show_rows(
            people,
            record.test,
            record.objective,
            title=f"For comparison, by fit on {record.measured_on}",
        )
    for note in found.notes:
        people.line(note)
    if found.known_sets:
        screen.warn(
            f"{found.known_sets:,} of these {num_sets:,} sets are named like sets that the model was fitted on; "
            "if they are the same sets, the model looks better than it is."
        )
    people.document(
        {
            "run": str(run),
            "sets": num_sets,
            "known_sets": found.known_sets,
            "skipped": dict(store.description.skipped),
            "metrics": found.metrics,
            "intervals": {name: list(ends) for name, ends in found.intervals.items()},
            "notes": list(found.notes),
            "held_out_by_fit": [{"name": row.name, "metrics": row.metrics} for row in record.test],
        }
    )
