"""COVID-19 or healthy: donors as sets of single cells."""

from pathlib import Path

import numpy as np

from accuracy.dataset import Dataset
from accuracy.protocols import stratified_folds
from setwise import read
from setwise.store.store import SetStore


def _read(data: Path) -> SetStore:
    with np.load(data / COVID.file) as file:
        cells = np.split(file["x"].astype(np.float32), np.cumsum(file["n"])[:-1])
        sets = {"set_id": file["sample"].astype(str), "target": file["y"].astype(str)}
    return read(cells, sets=sets)


COVID = Dataset(
    name="covid",
    title="COVID-19 or healthy, 20 donors by 500 cells each, 50 principal components",
    source=(
        "Stephenson et al. 2021, Nature Medicine, doi 10.1038/s41591-021-01329-2, as sub-sampled in the R package "
        "GloScope (Artistic-2.0)."
    ),
    file="scrna_covid/covid_pbmc_pca50.npz",
    read=_read,
    folds=stratified_folds(4),
    evaluation="four folds, repeated",
    score="auc",
    others=("accuracy",),
    note="20 donors: an interval is wide, and what is learned from 15 of them varies from fold to fold.",
    cost=2,
)
