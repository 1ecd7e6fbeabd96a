"""Tell COVID-19 from healthy donors by single cells: an AnnData file with a sample key, 20 donors of 500 cells.

Source: Stephenson et al. 2021, Nature Medicine, doi 10.1038/s41591-021-01329-2, as sub-sampled in the R package
GloScope (Artistic-2.0): 50 principal components.
"""

from pathlib import Path

import numpy as np

from examples.clock import Clock
from examples.outcome import Outcome
from examples.program import cross_validation

FOLDER = "scrna_covid"
REPEATS = 5


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:
    """Write the AnnData file, then cross-validate on it."""
    path = out / "donors.h5ad"
    write_anndata(data / "covid_pbmc_pca50.npz", path)
    few = ("--epochs", 2, "--ensemble", 1) if reduced else ()
    return cross_validation(
        (path, "--set-id", "donor", "--obsm", "X_pca", "--target", "status", *few),
        out / "cv",
        folds=2 if reduced else 4,
        repeats=repeats,
        of=REPEATS,
        clock=clock,
        metrics={"auc": "AUC", "cross_entropy": "cross entropy, nats"},
        example="covid",
        case="20 donors",
    )


def write_anndata(packed: Path, path: Path) -> None:
    """Write the packed file as AnnData: ``obsm["X_pca"]`` holds the cells, ``obs`` donor, status and cell type."""
    import anndata
    import pandas as pd

    def texts(values: np.ndarray) -> pd.Categorical:
        names, codes = np.unique(values.astype(str), return_inverse=True)
        categories = pd.Index(names.tolist(), dtype=object)  # anndata cannot write pandas' own strings yet
        return pd.Categorical.from_codes(codes, categories=categories)

    with np.load(packed) as file:
        columns = {"donor": np.repeat(file["sample"], file["n"]), "status": np.repeat(file["y"], file["n"])}
        columns["cell_type"] = file["cell_type"]
        index = pd.Index([f"cell {number}" for number in range(len(file["x"]))], dtype=object)
        obs = pd.DataFrame({name: texts(values) for name, values in columns.items()}, index=index)
        no_genes = pd.DataFrame(index=pd.Index([], dtype=object))
        anndata.AnnData(obs=obs, var=no_genes, obsm={"X_pca": file["x"]}).write_h5ad(path)
