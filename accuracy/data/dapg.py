"""The dose of an inducer by flow cytometry: ten cultures of E. coli as FCS files."""

import csv
import math
from pathlib import Path

from accuracy.dataset import Dataset
from accuracy.protocols import leaving_one_out
from setwise import read
from setwise.readers.reading import Reading
from setwise.store.store import SetStore

_STRAIN = "sJS1123"


def _read(data: Path) -> SetStore:
    folder = (data / DAPG.file).parent
    with (data / DAPG.file).open(newline="") as file:
        cultures = [row for row in csv.DictReader(file) if row["strain"] == _STRAIN]
    doses = [round(math.log10(1 + float(row["DAPG_uM"])), 4) for row in cultures]
    files = [row["file"] for row in cultures]
    sets = {"set_id": [Path(file).stem for file in files], "file": files, "target": doses}
    return read(folder, sets=sets, reading=Reading(file_column="file", skip_bad=True))


DAPG = Dataset(
    name="dapg",
    title="the dose of DAPG, log10(1 + micromolar), that ten cultures of E. coli had, by 32,000 cells each",
    source="https://github.com/taborlab/FlowCal, examples (MIT); doi 10.15252/msb.20209618.",
    file="fcs_flowcal_dapg/labels.csv",
    read=_read,
    folds=leaving_one_out("set_id"),
    evaluation="leaving one culture out",
    repeats=3,
    score="mae",
    loss="rmse",
    others=("r2",),
    note="The highest and the lowest dose are outside of what a model has seen.",
    cost=3,
)
