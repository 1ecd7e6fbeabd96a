"""Open matrices of 10x Genomics (Cell Ranger's ``.h5``): barcodes are cells, sparse."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.readers.anndata.cells import Cells

GEM_GROUP = "gem_group"  # column of obs: the number behind the barcode, which tells samples that were joined


def matrix_of(file: Any, where: str) -> Any | None:
    """Return the group of an HDF5 file that is a matrix of 10x Genomics; none where it has none.

    It is ``matrix`` since Cell Ranger 3, and named by the genome before.

    Args:
        file: that is open.
        where: how errors name it.

    Raises:
        InputError: matrices of several genomes.
    """
    groups = [group for name in file if hasattr(group := file[name], "keys") and _is_matrix(group)]
    if len(groups) > 1:
        names = ", ".join(group.name.strip("/") for group in groups)
        raise InputError(f"{where} has matrices of {names}: give a file with one of them.")
    return groups[0] if groups else None


def _is_matrix(group: Any) -> bool:
    return all(name in group for name in ("barcodes", "data", "indices", "indptr", "shape"))


def is_tenx(path: Path) -> bool:
    """Return whether a file is such a matrix; false where it cannot be looked at."""
    try:
        import h5py
    except ImportError:
        return False
    try:
        with h5py.File(path, "r") as file:
            return any(hasattr(file[name], "keys") and _is_matrix(file[name]) for name in file)
    except (OSError, RuntimeError, KeyError):
        return False


def tenx_cells(group: Any, where: str) -> Cells:
    """Return the cells of a matrix; features are named by their genes, those of one name by gene and id.

    Args:
        group: as `matrix_of` found it.
        where: how errors name the file.
    """
    import pandas as pd
    from scipy import sparse

    barcodes = [name.decode() for name in group["barcodes"][()]]
    features = group.get("features")
    names, ids = (group["gene_names"], group["genes"]) if features is None else (features["name"], features["id"])
    width, count = (int(size) for size in group["shape"][()])
    parts = tuple(group[part][()] for part in ("data", "indices", "indptr"))
    matrix = sparse.csr_matrix(parts, shape=(count, width))  # columns of features by barcodes are rows of the transpose
    groups = [name.rpartition("-")[2] if "-" in name else "" for name in barcodes]
    obs = pd.DataFrame({GEM_GROUP: groups}, index=np.array(barcodes, dtype=object))
    return Cells(where, obs, matrix, _distinct(names[()], ids[()]), "X")


def _distinct(names: Any, ids: Any) -> list[str]:
    texts = [name.decode() for name in names]
    counts = Counter(texts)
    pairs = zip(texts, (name.decode() for name in ids), strict=True)
    return [name if counts[name] == 1 else f"{name} ({own})" for name, own in pairs]
