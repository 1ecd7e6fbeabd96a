"""Measure what a command costs before it does anything: ``python -m benchmarks start``."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

_PROGRAM = ("-c", "from setwise.cli import main; main()")
_FLOOR = ("-c", "import torch")
_SETS = 40


def start(
    repeats: Annotated[int, typer.Option(min=1, help="Times each is started; the median is told.")] = 5,
) -> None:
    """Start commands in new processes, in turn with `import torch`, and print seconds and the ratio to it."""
    with tempfile.TemporaryDirectory() as folder:
        cases = {"import torch": _FLOOR, "import setwise": ("-c", "import setwise")} | _commands(Path(folder))
        wall: dict[str, list[float]] = {name: [] for name in cases}
        processor: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(repeats):
            for name, arguments in cases.items():
                seconds, used = timed(arguments)
                wall[name].append(seconds)
                processor[name].append(used)
    floor = median(wall["import torch"])
    print("| command | seconds | processor seconds | ratio to import torch |\n|---|---|---|---|")
    for name in cases:
        found = median(wall[name])
        print(f"| {name} | {found:.2f} | {median(processor[name]):.2f} | {found / floor:.2f} |")


def timed(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return seconds of the wall's clock, and of the processor, that Python takes with some arguments."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    seconds, after = time.perf_counter() - began, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return seconds, used


def _commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return commands by their names, with the small tables and the run that they need."""
    draw = np.random.default_rng(0)
    cells, sets, run = folder / "cells.csv", folder / "sets.csv", folder / "run"
    rows = [f"s{number},{a},{b}" for number in range(_SETS) for a, b in draw.normal(size=(5, 2))]
    cells.write_text("\n".join(["set_id,a,b", *rows]))
    sets.write_text("\n".join(["set_id,y", *(f"s{number},{'uv'[number % 2]}" for number in range(_SETS))]))
    fit = ("fit", str(cells), "--sets", str(sets), "--target", "y", "--model", "linear", "--out", str(run))
    subprocess.run([sys.executable, *_PROGRAM, *fit], check=True, capture_output=True)
    predict = ("predict", str(run), str(cells), "--overwrite", "--out", str(folder / "p.csv"))
    commands = {
        "setwise --help": ("--help",),
        "setwise fit, of a file that is not there": (
            "fit",
            "nothing.csv",
            "--target",
            "y",
            "--out",
            str(folder / "no"),
        ),
        "setwise fit, with an argument out of range": (*fit, "--overwrite", "--epochs", "-3"),
        f"setwise predict, of {_SETS} sets": predict,
        "setwise evaluate, of the same": ("evaluate", str(run), str(cells), "--sets", str(sets)),
    }
    return {name: (*_PROGRAM, *arguments) for name, arguments in commands.items()}
