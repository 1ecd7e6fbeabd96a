"""The command line: ``python -m benchmarks [run | gpu | report | depth | huge | store | start]``."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.cases import BATCHES, MODELS
from benchmarks.measure import compare, kept_bytes, peak_bytes, peak_of
from benchmarks.rows import RESULTS, Row, append, conditions, timed
from benchmarks.variants import VARIANTS, Variant, make_variant
from setwise._checks import InputError, check_choice

_AGREE = 1e-3  # of the largest output; the speed of a variant that differs more is not told
_FIGURE = Path("docs/figures/benchmarks.svg")
app = typer.Typer(name="benchmarks", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    models: Annotated[str, typer.Option(help=f"Models, separated by commas: {', '.join(MODELS)}.")] = ",".join(MODELS),
    batches: Annotated[str, typer.Option(help=f"Batches, separated by semicolons: {'; '.join(BATCHES)}.")] = ";".join(
        BATCHES
    ),
    seconds: Annotated[float, typer.Option(help="For each line of the table.")] = 20.0,
    threads: Annotated[int, typer.Option(help="Threads; 0 for as many as torch takes.")] = 0,
) -> None:
    """Measure, add rows to the file of results, print the table."""
    from benchmarks import report  # which the command for GPUs need not load

    if threads:
        torch.set_num_threads(threads)
    for model in models.split(","):
        check_choice("the model", model, tuple(MODELS))
        for batch in batches.split(";"):
            check_choice("the batch", batch, tuple(BATCHES))
            for way in ("training", "inference"):
                rows = measure(model, batch, way, seconds=seconds)
                append(rows)
                print(model, batch, way, *(f"{row['variant']} {float(row['seconds']):.4g} s" for row in rows), sep=", ")
    print(report.table())


if find_spec("matplotlib") and find_spec("pyarrow"):  # a machine with a GPU and nothing else may lack them
    from benchmarks.depth import depth, depth_fit, depth_step
    from benchmarks.huge import huge, huge_gradients, huge_inference, huge_training
    from benchmarks.start import start
    from benchmarks.store import store, store_train

    for command in (depth, huge, start, store):
        app.command()(command)
    for command in (depth_step, depth_fit, huge_inference, huge_training, huge_gradients, store_train):
        app.command(hidden=True)(command)


@app.command(hidden=True)
def peak(variant: str, model: str, batch: str, way: str) -> None:
    """Print the most memory that one pass takes, in bytes of the process."""
    made = make_variant(variant, model, batch, training=way == "training")
    if made is None:
        raise InputError(f"{variant} cannot do {model} on {batch}.")
    made.step()
    print(peak_bytes())


@app.command()
def gpu(
    tiny: Annotated[bool, typer.Option("--tiny", help="Sizes that only show that it runs.")] = False,
    minutes: Annotated[float, typer.Option(help="After which no further section begins.")] = 8.0,
    skip_tests: Annotated[bool, typer.Option("--skip-tests", help="They passed already.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Measure where tests fail, too.")] = False,
) -> None:
    """Test the kernels on a GPU, measure all that there is to measure on it, add rows to the file of results."""
    from benchmarks.gpu import measure as measure_all
    from benchmarks.gpu_plan import plan

    results = None if tiny else RESULTS
    if not measure_all(plan(tiny=tiny), minutes=minutes, skip_tests=skip_tests, anyway=anyway, results=results):
        raise typer.Exit(1)


@app.command(name="report")
def write_report() -> None:
    """Print the table of the newest results, and draw the figure."""
    from benchmarks import report

    report.draw(_FIGURE)
    print(report.table())


def measure(model: str, batch: str, way: str, *, seconds: float) -> list[Row]:
    """Return one row per variant: times of one run, memory kept, versions."""
    training = way == "training"
    made = {name: make_variant(name, model, batch, training=training) for name in VARIANTS}
    variants = {name: variant for name, variant in made.items() if variant is not None}
    differences = _differences(variants)
    timings = compare({name: variant.step for name, variant in variants.items()}, seconds=seconds)
    same = conditions() | {"model": model, "batch": batch, "pass": way}
    rows = []
    for name, variant in variants.items():
        timing = timings[name]
        row = same | timed(name, timing, floor=timings["floor"].median) | {"difference": differences.get(name, "")}
        if variant.forward is not None:
            row["kept_bytes"] = str(kept_bytes(variant.forward)) if training else ""
            row["peak_bytes"] = str(peak_of(name, model, batch, way))
        rows.append(row)
    return rows


def _differences(variants: dict[str, Variant]) -> dict[str, str]:
    """Compute the largest difference of outputs from the textbook's, relative to the largest output.

    Raises:
        SystemExit: further than rounding explains; then no speed is told.
    """
    with torch.no_grad():
        outputs = {name: v.forward() for name, v in variants.items() if v.comparable and v.forward is not None}
    expected = outputs["textbook"]
    errors = {name: float((y - expected).abs().max() / expected.abs().max()) for name, y in outputs.items()}
    for name, error in errors.items():
        if not error < _AGREE:
            raise SystemExit(f"{name} differs from the textbook by {error:.1e}; no speed is told.")
    return {name: f"{error:.2g}" for name, error in errors.items()}


if __name__ == "__main__":
    app()
