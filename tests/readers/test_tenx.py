"""Matrices of 10x Genomics, and folders of Zarr stores: the sample of each cell, sparse, by the names of genes."""

import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading

GENES, IDS = ["CD3E", "MS4A1", "CD3E"], ["ENSG1", "ENSG2", "ENSG3"]


def counts(count, seed=0):
    return np.random.default_rng(seed).poisson(1.0, (count, 3)).astype(np.int32)


def write_tenx(path, table, barcodes, *, group="matrix"):
    """Write as Cell Ranger does: features by barcodes, compressed by columns."""
    by_cell = sparse.csc_matrix(table.T)
    with h5py.File(path, "w") as file:
        own = file.create_group(group)
        own["barcodes"] = np.array(barcodes, "S")
        for name in ("data", "indices", "indptr"):
            own[name] = getattr(by_cell, name)
        own["shape"] = by_cell.shape
        if group == "matrix":
            own["features/name"], own["features/id"] = np.array(GENES, "S"), np.array(IDS, "S")
        else:
            own["gene_names"], own["genes"] = np.array(GENES, "S"), np.array(IDS, "S")
    return path


@pytest.mark.parametrize("group", ["matrix", "GRCh38"])
def test_joined_samples_of_one_file(tmp_path, group):
    table = counts(7)
    path = write_tenx(tmp_path / "all.h5", table, [f"ACGT{n}-{1 + n % 2}" for n in range(7)], group=group)
    store = read(path, set_id="gem_group")
    assert store.features == ("CD3E (ENSG1)", "MS4A1", "CD3E (ENSG3)")
    assert store.set_ids == ["1", "2"]
    assert store.is_sparse
    np.testing.assert_array_equal(store.elements(1), table[1::2])
    with pytest.raises(InputError, match="it has gem_group"):
        read(path)
    with pytest.raises(InputError, match="without layers"):
        read(path, set_id="gem_group", reading=Reading(layer="counts"))


def test_one_file_per_sample(tmp_path):
    for n in range(3):
        write_tenx(tmp_path / f"s{n}.h5", counts(4 + n, n), [f"A{k}-1" for k in range(4 + n)])
    sets = pa.table({"set_id": ["s2", "s0", "s1"], "y": [2.0, 0.0, 1.0]})
    store = read(tmp_path, sets=sets, features=["MS4A1"])
    assert dict(zip(store.set_ids, store.sets["y"].to_pylist(), strict=True)) == {"s0": 0.0, "s1": 1.0, "s2": 2.0}
    np.testing.assert_array_equal(store.elements(store.set_ids.index("s2"))[:, 0], counts(6, 2)[:, 1])


def test_a_folder_of_zarr_stores(tmp_path):
    for n in range(2):
        obs = pd.DataFrame(index=pd.Index([f"{n}{k}" for k in range(4 + n)], dtype=object))
        var = pd.DataFrame(index=pd.Index(IDS, dtype=object))
        cells = anndata.AnnData(counts(4 + n, n).astype(np.float32), obs=obs, var=var)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cells.write_zarr(tmp_path / f"s{n}.zarr")
    for source in (tmp_path, tmp_path / "*.zarr", [tmp_path / "s0.zarr", tmp_path / "s1.zarr"]):
        store = read(source)
        assert store.set_ids == ["s0", "s1"]
        np.testing.assert_array_equal(store.elements(1), counts(5, 1))
