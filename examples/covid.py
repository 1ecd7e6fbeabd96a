"""COVID-19 against healthy donors from single cells: an AnnData file with a sample key, 20 donors of 500 cells.

Source: Stephenson et al. 2021, Nature Medicine, doi 10.1038/s41591-021-01329-2, as sub-sampled in the R package
GloScope (Artistic-2.0): 50 principal components.
"""

from pathlib import Path

import numpy as np

from examples.outcome import Outcome, of_evaluation
from examples.program import setwise

FOLDER = "scrna_covid"


def run(data: Path, out: Path, *, reduced: bool) -> list[Outcome]:
    """Write the AnnData file, then cross-validate on it."""
    path = out / "donors.h5ad"
    write_anndata(data / "covid_pbmc_pca50.npz", path)
    few = ("--epochs", 2, "--ensemble", 1) if reduced else ("--repeats", 5)
    asked = (path, "--set-id", "donor", "--layer", "X_pca", "--target", "status", *few)
    setwise("cv", *asked, "--folds", 2 if reduced else 4, "--out", out / "cv", "--overwrite")
    return [of_evaluation(out / "cv", example="covid", case="20 donors, 4 folds, 5 times", metric="auc", words="AUC")]


def write_anndata(packed: Path, path: Path) -> None:
    """The packed file as AnnData: ``obsm["X_pca"]`` holds the cells, ``obs`` donor, status and cell type."""
    import anndata
    import pandas as pd

    with np.load(packed) as file:
        obs = pd.DataFrame(
            {
                "donor": np.repeat(file["sample"].astype(str), file["n"]),
                "status": np.repeat(file["y"].astype(str), file["n"]),
                "cell_type": file["cell_type"].astype(str),
            },
            index=pd.Index([f"cell {i}" for i in range(len(file["x"]))]),
        )
        cells = anndata.AnnData(obs=obs, obsm={"X_pca": file["x"]})
    cells.write_h5ad(path)
