"""`setwise compare`: show how runs differ on the same held-out sets."""

from pathlib import Path
from typing import Annotated

import typer

from setwise._checks import InputError
from setwise.cli import options
from setwise.cli.results import show_rows
from setwise.cli.screen import Screen
from setwise.runs.directory import check_is_run


def _checked(paths: list[Path]) -> list[Path]:
    for path in paths:
        check_is_run(path)
    if len(paths) < 2:
        raise InputError(f"two runs at least are compared; got {len(paths)}. Name their directories.")
    return paths


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Directories that `setwise fit` wrote, the one to compare with first.",
            callback=_checked,
        ),
    ],
    json: options.Json = False,
) -> None:
    """Compare runs with the first of them, on the same held-out sets: paired differences with 95% intervals.

    Intervals are drawn over groups where the runs know them, else over sets. Runs that were measured on other sets, or
    that predict something else, are refused.

    [bold]Examples[/bold]

    setwise compare runs/hct runs/hct-linear

    setwise compare runs/a runs/b runs/c --json
    """
    from setwise.assess.compare import compare as compare_runs
    from setwise.report.comparison import conclusions, differences_table

    found = compare_runs(*runs)
    people = Screen(as_json=json)
    of = "" if found.clusters == found.sets else f" of {found.clusters:,} groups"
    show_rows(people, found.rows, found.objective, title=f"On the same {found.sets:,} sets{of}, with 95% intervals")
    people.line()
    head, rows = differences_table(found)
    people.table(head, rows, title="Paired differences, with 95% intervals")
    people.line()
    said = conclusions(found)
    for sentence in said:
        people.line(sentence)
    people.document(
        {
            "sets": found.sets,
            "clusters": found.clusters,
            "runs": [row.model_dump(mode="json") for row in found.rows],
            "differences": [
                {"run": name, "less": found.rows[0].name, "metric": key, "value": value, "low": low, "high": high}
                for (name, key), (value, low, high) in found.differences.items()
            ],
            "conclusions": said,
        }
    )
