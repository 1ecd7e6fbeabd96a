"""The dose of an inducer from flow cytometry: FCS files and a spreadsheet, `setwise cv` and nothing else.

Ten cultures of E. coli at ten concentrations of DAPG, 32,000 cells each, 24-bit integers. Each culture is predicted by
a model that has seen the nine others; target log10(1 + micromolar).
Source: https://github.com/taborlab/FlowCal, examples (MIT); doi 10.15252/msb.20209618.
"""

import csv
import math
from pathlib import Path

from examples.outcome import Outcome, of_evaluation
from examples.program import setwise

FOLDER = "fcs_flowcal_dapg"
_STRAIN = "sJS1123"


def run(data: Path, out: Path, *, reduced: bool) -> list[Outcome]:
    """Cross-validate on the files, and fit the model that would be used."""
    sets = out / "cultures.csv"
    with (data / "labels.csv").open(newline="") as file:
        cultures = [row for row in csv.DictReader(file) if row["strain"] == _STRAIN]
    with sets.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "log_dose"])
        writer.writerows([row["file"], round(math.log10(1 + float(row["DAPG_uM"])), 4)] for row in cultures)
    few = ("--epochs", 3, "--ensemble", 1, "--max-elements", 200) if reduced else ()
    asked = (data, "--sets", sets, "--file-column", "file", "--target", "log_dose", "--skip-bad", *few)
    setwise("cv", *asked, "--folds", 3 if reduced else len(cultures), "--out", out / "cv", "--overwrite")
    case = f"{len(cultures)} cultures, leave one out"
    return [of_evaluation(out / "cv", example="dapg", case=case, metric="mae", words="mean absolute error, log10 dose")]
