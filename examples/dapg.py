"""Predict the dose of an inducer from flow cytometry: FCS files and a spreadsheet, `setwise cv` and nothing else.

Ten cultures of E. coli at ten concentrations of DAPG, 32,000 cells each, 24-bit integers. Each culture is predicted by
a model that has seen the nine others; target log10(1 + micromolar).
Source: https://github.com/taborlab/FlowCal, examples (MIT); doi 10.15252/msb.20209618.
"""

import csv
import math
from pathlib import Path

from examples.clock import Clock
from examples.outcome import Outcome
from examples.program import cross_validation

FOLDER = "fcs_flowcal_dapg"
REPEATS = 1
_STRAIN = "sJS1123"


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:
    """Cross-validate on the files."""
    sets = out / "cultures.csv"
    with (data / "labels.csv").open(newline="") as file:
        cultures = [row for row in csv.DictReader(file) if row["strain"] == _STRAIN]
    with sets.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "log_dose"])
        writer.writerows([row["file"], round(math.log10(1 + float(row["DAPG_uM"])), 4)] for row in cultures)
    few = ("--epochs", 3, "--ensemble", 1, "--max-elements", 200) if reduced else ()
    return cross_validation(
        (data, "--sets", sets, "--file-column", "file", "--target", "log_dose", "--skip-bad", *few),
        out / "cv",
        folds=3 if reduced else len(cultures),
        repeats=repeats,
        of=REPEATS,
        clock=clock,
        metrics={"mae": "mean absolute error, log10 dose"},
        example="dapg",
        case=f"{len(cultures)} cultures",
    )
