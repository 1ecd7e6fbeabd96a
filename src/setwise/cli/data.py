"""`setwise data`: fetch the files of the paper's tasks."""

from pathlib import Path
from typing import Annotated

import typer

from setwise._checks import InputError
from setwise.cli import options
from setwise.cli.screen import Screen

app = typer.Typer(no_args_is_help=True, help="The files of the paper's tasks.")


@app.command("list")
def list_tasks(json: options.Json = False) -> None:
    """Name the tasks, where their files come from, and whether they are there."""
    from setwise.tasks import TASKS
    from setwise.tasks.files import directory_of

    rows = []
    for task in TASKS.values():
        try:
            directory_of(task)
            there = "made" if task.source is None else "there"
        except InputError:
            there = "missing"
        rows.append([task.name, task.title, there, "" if task.source is None else task.source.page])
    screen = Screen(as_json=json)
    screen.table(["task", "title", "files", "page"], rows, text_columns=frozenset({0, 1, 2, 3}))
    screen.document({"tasks": [dict(zip(("name", "title", "files", "page"), row, strict=True)) for row in rows]})


@app.command()
def get(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of a task; `setwise data list` has them.")],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIRECTORY", help="Take files at hand instead of downloading.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the files of a task, checked; a download that was cut off goes on.

    They go to the directory that SETWISE_DATA names, or ~/.cache/setwise.

    [bold]Examples[/bold]

    setwise data get mnist-var

    setwise data get celeba-anomaly --from downloads/celeba
    """
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from setwise.tasks import files, get_task

    chosen, screen = get_task(task), Screen(quiet=quiet)
    if chosen.source is None:
        screen.line(f"{chosen.name} needs no files: its sets are made, or come with the installation.")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    shown = not quiet and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        bars = {}

        def progress(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = bar.add_task(name, total=total)
            bar.update(bars[name], completed=done)

        directory = files.get(chosen, source=source, progress=progress)
    screen.line(f"{chosen.title}: {directory}. {chosen.source.text}; licence: {chosen.source.licence}.")
