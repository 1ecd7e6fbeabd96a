"""Three groups of patients by flow cytometry, and how little 15 patients show."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from accuracy.dataset import Dataset
from accuracy.protocols import stratified_folds
from setwise import read
from setwise.store.store import SetStore

_LINEAR = ("FSC", "SSC")  # the other channels are logarithmic, 1 to 10,000; time is left out


def _read(data: Path) -> SetStore:
    with np.load(data / ITN.file) as file:
        ids = file["sample"].astype(str)
        cells: dict[str, np.ndarray] = {"set_id": np.repeat(ids, file["n"])}
        for position, name in enumerate(file["channel"].astype(str)):
            values = file["x"][:, position]
            if name != "Time":
                cells[name] = values if name in _LINEAR else np.log10(np.maximum(values, 1.0))
        sets = pa.table({"set_id": ids, "target": file["y"].astype(str), "site": file["site"].astype(str)})
    return read(pa.table(cells), sets=sets)


ITN = Dataset(
    name="itn",
    title="three groups of patients, 15 of them by 10,000 cells each",
    source=(
        "The R package flowStats, data ITN (Immune Tolerance Network; Artistic-2.0). What the groups are is not said."
    ),
    file="cytometry_itn/itn_15x10000x8.npz",
    read=_read,
    folds=stratified_folds(5),
    evaluation="five folds, repeated",
    note=(
        "The commonest group of each site is that of 7 of 15 patients, so that a model of the sites' instruments would "
        "look like one of the groups; one patient more or less is 0.067 of accuracy."
    ),
    cost=2,
)
