"""The command line: ``python -m examples run`` runs examples, ``report`` writes their page from the records."""

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from examples import birds, covid, dapg, itn, mil, radhar
from examples.clock import Clock
from examples.outcome import keep
from examples.report import table, write_report

EXAMPLES = {"dapg": dapg, "itn": itn, "mil": mil, "radhar": radhar, "birds": birds, "covid": covid}
_RESULTS = Path("examples/results")
app = typer.Typer(
    name="examples", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.callback()
def _program() -> None:
    """Run worked examples on real files, with the default settings of setwise."""


@app.command()
def run(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(EXAMPLES)}; all by default.")] = None,
    data: Annotated[Path, typer.Option(help="Where the folders of data are.")] = Path("../shared/data"),
    out: Annotated[Path, typer.Option(help="Where tables, folds and runs are written.")] = Path("runs/examples"),
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = _RESULTS,
    repeats: Annotated[int | None, typer.Option(min=1, help="Of cross-validation, at most; by default all.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after this time; what is done is kept.")] = None,
) -> None:
    """Run examples, or go on with those that were stopped; those whose data are absent are passed over, and said so.

    All examples are evaluated once, then three times, then as often as each of them asks, so that a short time tells
    something of all.
    """
    chosen = names or list(EXAMPLES)
    for name in chosen:
        if name not in EXAMPLES:
            raise typer.BadParameter(f"there is no example {name!r}; there are {', '.join(EXAMPLES)}.")
    clock = Clock(None if minutes is None else 60 * minutes)
    absent = [name for name in chosen if not (data / EXAMPLES[name].FOLDER).is_dir()]
    for name in absent:
        print(f"{name}: passed over, since {data / EXAMPLES[name].FOLDER} is not there.")
    for name, times in rounds([name for name in chosen if name not in absent], repeats):
        if clock.is_over():
            break
        own = out / name
        own.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        outcomes = EXAMPLES[name].run(data / EXAMPLES[name].FOLDER, own, repeats=times, clock=clock)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if outcomes:
            keep(outcomes, results / f"{name}.json", command=shlex.join(["python", "-m", "examples", *sys.argv[1:]]))
            print(table(outcomes), flush=True)


def rounds(names: list[str], most: int | None = None) -> list[tuple[str, int]]:
    """List examples with the number of repeats: all of them once, then three times, then as often as they ask."""
    turns: list[tuple[str, int]] = []
    for times in (1, 3, max(example.REPEATS for example in EXAMPLES.values())):
        for name in names:
            turn = (name, min(EXAMPLES[name].REPEATS, times, most or times))
            if turn not in turns:
                turns.append(turn)
    return turns


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("docs/examples.md"),
    results: Annotated[Path, typer.Option(help="Where records are kept.")] = _RESULTS,
) -> None:
    """Write the page of all examples from their records alone."""
    write_report(results, out, EXAMPLES)
    print(out)


if __name__ == "__main__":
    app()
