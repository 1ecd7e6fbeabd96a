"""`setwise export`: write a run for programs without this library."""

from pathlib import Path
from typing import Annotated

import typer

from setwise._checks import InputError
from setwise.cli import options
from setwise.cli.screen import Screen


def export(
    run: options.RunDirectory,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="For ONNX Runtime and all that reads ONNX (the default).")
    ] = False,
    torch: Annotated[bool, typer.Option("--torch", help="For torch.export.load, in Python or C++.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write.", show_default="RUN/model.onnx or RUN/model.pt2"),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a run as one file that takes raw elements and sizes and gives predictions, for any number of both.

    A Set Transformer's file pads the sets of a batch to the largest in its attention: give it sets of similar sizes
    together.

    [bold]Examples[/bold]

    setwise export runs/hct --onnx

    setwise export runs/hct --torch --out hct.pt2
    """
    from setwise.cli.writing import check_writable
    from setwise.runs.export import save_onnx, save_program
    from setwise.runs.run import Run

    if onnx and torch:
        raise InputError("--onnx and --torch make different files. Export twice.")
    loaded = Run.load(run)
    suffix = ".pt2" if torch else ".onnx"
    path = run / f"model{suffix}" if out is None else out
    check_writable(path, overwrite=overwrite, suffixes=(suffix,))
    difference = save_program(loaded, path) if torch else save_onnx(loaded, path)
    people = Screen(quiet=quiet, as_json=json)
    people.line(f"{path}: elements ({', '.join(loaded.features)}), sizes -> {', '.join(loaded.record.objective.names)}")
    people.line(f"On drawn sets it differs from the run by {difference:.0e} of the largest prediction.")
    people.document({"out": str(path), "format": "torch" if torch else "onnx", "difference": difference})
