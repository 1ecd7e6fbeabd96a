"""The command line: ``python -m experiments run | report | probe``."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from experiments.grids import GRIDS, get_grid
from experiments.planning import Settings, carry_out, pending, plan, seconds_of
from experiments.records import RESULTS
from experiments.running import check_seeds
from setwise._checks import InputError
from setwise.fit.observers import Observer

app = typer.Typer(
    name="experiments",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_WORK = Path("runs/experiments")
_REPORT = Path("docs/reproduction.md")
_TABLES = ", ".join(GRIDS)


class _Epochs:
    """An observer that prints a line for each epoch of a run."""

    def step(self, epochs: float) -> None:
        """Do nothing: a line per epoch is enough."""

    def epoch(self, record, best_epoch: int) -> None:  # noqa: ARG002 - what observers are told
        """Say how the epoch went."""
        _say(f"  epoch {record.epoch}: loss {record.train_loss:.5g}, {record.seconds:.1f} s")


@app.callback()
def _program() -> None:
    """Run the paper's tables, and read them beside the paper's own numbers."""


@app.command()
def run(
    tables: Annotated[list[str], typer.Argument(metavar="TABLE...", help=f"Which: {_TABLES}, or all.")],
    task: Annotated[list[str] | None, typer.Option(metavar="TASK", help="Task; may be repeated or A,B.")] = None,
    rows: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Rows by shell patterns, A,B.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the first weights, with commas.")] = "0,1,2",
    budget: Annotated[str | None, typer.Option(help="Stop after this time: 90m, 1h30m. The epoch ends first.")] = None,
    scale: Annotated[str, typer.Option(help="paper, or small: a documented reduction for two cores.")] = "small",
    source: Annotated[Path | None, typer.Option("--from", help="Directory of the task's files at hand.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch on the CPU.")] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile models.")] = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Other elements of each set for each batch, where it has more; not in the tables."
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each epoch.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name the runs that are left, and leave.")] = False,
    work: Annotated[Path, typer.Option(help="Where checkpoints are kept until a run is recorded.")] = _WORK,
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = RESULTS,
) -> None:
    """Do the runs of tables that have no record yet; interrupted ones go on from their last epoch."""
    if threads is not None:
        torch.set_num_threads(threads)
    numbers = _numbers(seeds)
    check_seeds(numbers)
    seconds = None if budget is None else seconds_of(budget)
    grids = [get_grid(name) for name in (GRIDS if tables == ["all"] else tables)]
    runs = plan(grids, tasks=_split(task), patterns=_split(rows), seeds=numbers, scale=scale, fresh=fresh)
    if dry_run:
        for left in pending(runs, results):
            _say(left.identity)
        return
    settings = Settings(work, results, device=device, budget=seconds, data=source, compiled=compiled)
    observers: list[Observer] = [_Epochs()] if verbose else []
    carry_out(runs, settings, observers=observers, say=_say)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Where the page is written; figures go to figures/ beside it.")] = _REPORT,
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = RESULTS,
) -> None:
    """Write the tables and figures from the records alone."""
    from experiments.figures import draw_all
    from experiments.probes import read_probes
    from experiments.records import read
    from experiments.report import write_report

    if not results.is_dir():
        raise InputError(f"the records must be in a directory; got {results}.")
    records = read(results)
    drawn = draw_all(records, results, out.parent / "figures")
    figures = [(f"figures/{name}", caption) for name, caption in drawn]
    write_report(records, out, figures, read_probes(results))
    _say(f"{len(records)} records, {len(drawn)} figures: {out}.")


@app.command()
def probe(
    results: Annotated[Path, typer.Option(help="Where the numbers are kept.")] = RESULTS,
    deepest: Annotated[int, typer.Option(min=2, help="Largest depth of the gradients' figure.")] = 200,
) -> None:
    """Measure models at their first weights: gradients against depth, spread of elements, what norms cannot see."""
    from experiments.probes import write_probes

    _say(f"{write_probes(results, deepest=deepest)}")


def main() -> None:
    """Run the command line; errors of the input and of files end with exit code 2 and without a traceback."""
    try:
        app(prog_name="python -m experiments")
    except (InputError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _split(values: list[str] | None) -> list[str]:
    return [name for value in values or [] for name in value.split(",") if name]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"seeds must be whole numbers with commas between; got {text!r}.") from None


if __name__ == "__main__":
    main()
