"""The command line: ``python -m accuracy run`` measures, ``report`` writes the page from the records."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from accuracy.catalogue import DATASETS, chosen_data
from accuracy.clock import Clock, seconds_of
from accuracy.entrants import ENTRANTS, chosen_entrants
from accuracy.records import RESULTS, path_of, read_records
from accuracy.report import write_report
from accuracy.running import Settings, carry_out, pending, plan
from setwise._checks import InputError

_INTERRUPTED = 130
app = typer.Typer(
    name="accuracy", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.callback()
def _program() -> None:
    """Measure every model of setwise on real sets, beside baselines and peers, on the same folds."""


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATA]...", help=f"Of {', '.join(d.name for d in DATASETS)}; all by default."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Of default, {', '.join(entrant.name for entrant in ENTRANTS)}; repeated or A,B; all by default."
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Of each evaluation, where it has as many.")] = 1,
    budget: Annotated[str | None, typer.Option(help="Stop after this time: 90m, 2h. The fold ends first.")] = None,
    data: Annotated[Path, typer.Option(help="Where the folders of data are.")] = Path("../shared/data"),
    again: Annotated[bool, typer.Option("--again", help="Measure anew what has a record.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name what is left to do, and leave.")] = False,
    work: Annotated[Path, typer.Option(help="Where the predictions of folds are kept.")] = Path("runs/accuracy"),
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = RESULTS,
) -> None:
    """Measure what has no record yet, the cheapest first; what was stopped goes on."""
    entrants = chosen_entrants([name for given in model or [] for name in given.split(",") if name])
    clock = Clock(None if budget is None else seconds_of(budget))
    jobs = plan(chosen_data(names or []), entrants, repeats)
    settings = Settings(data, work, results, clock)
    if again:
        for job in jobs:
            path_of(results, job.dataset.name, job.entrant.name, job.repeat + 1).unlink(missing_ok=True)
            for path in (work / job.dataset.name / f"{job.entrant.name}-{job.repeat + 1}").glob("fold-*.npz"):
                path.unlink()
    if dry_run:
        for job in pending(jobs, settings):
            _say(job.words)
        return
    try:
        failed = carry_out(jobs, settings, say=_say)
    except KeyboardInterrupt:
        _say("Stopped; the folds that are done are kept. The same command goes on.")
        raise typer.Exit(_INTERRUPTED) from None
    if failed:
        _say(f"{len(failed)} failed: {'; '.join(job.words for job in failed)}.")
        raise typer.Exit(1)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("docs/accuracy.md"),
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = RESULTS,
) -> None:
    """Write the page from the records alone."""
    write_report(read_records(results), out, DATASETS, ENTRANTS)
    _say(str(out))


def main() -> None:
    """Run the command line; errors of the input and of files end with exit code 2 and without a traceback."""
    try:
        app(prog_name="python -m accuracy")
    except (InputError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
