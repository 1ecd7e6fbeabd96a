"""AnnData files and objects: dense and sparse, X, layers and obsm, with results written back."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from setwise._checks import InputError
from setwise.prepare.standardiser import Standardiser
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store.inspect import summarise
from setwise.store.sparse import SparseElements
from setwise.store.store import SetStore

anndata = pytest.importorskip("anndata")
from setwise.readers.anndata.write import write_anndata  # noqa: E402 - after the skip

SAMPLES = np.array(["b", "a", "b", "c", "a", "b", "a", "c", "b", "b", "a"])


def _categories(values):
    """Make categories whose names are Python's text, as anndata writes them."""
    values = [str(value) for value in values]
    return pd.Categorical(values, categories=pd.Index(sorted(set(values)), dtype=object))


def _cells(kind="csr"):
    rng = np.random.default_rng(0)
    dense = rng.poisson(0.4, (11, 7)).astype(np.float32)
    made = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind]
    status = {"a": "ill", "b": "well", "c": "ill"}
    obs = pd.DataFrame(
        {
            "sample": _categories(SAMPLES),
            "status": _categories([status[s] for s in SAMPLES]),
            "age": [{"a": 51.0, "b": 7.5, "c": np.nan}[s] for s in SAMPLES],
            "cell_type": _categories(np.where(np.arange(11) % 2, "T", "B")),
        },
        index=pd.Index([f"cell{n}" for n in range(11)], dtype=object),
    )
    data = anndata.AnnData(
        made(dense), obs=obs, var=pd.DataFrame(index=pd.Index([f"g{n}" for n in range(7)], dtype=object))
    )
    data.layers["doubled"] = made(2 * dense)
    data.obsm["X_pca"] = rng.normal(size=(11, 3))
    return data, dense


def _rows(sample):
    return np.flatnonzero(sample == SAMPLES)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("where", ["memory", "file", "store"])
def test_samples_are_sets(tmp_path, kind, where):
    data, dense = _cells(kind)
    source = data
    if where != "memory":
        data.write_h5ad(tmp_path / "cells.h5ad")
        source = tmp_path / "cells.h5ad"
    store = read(source, set_id="sample", store=tmp_path / "x.arrow" if where == "store" else None)
    assert store.is_sparse == (kind != "dense")
    assert store.set_ids == ["b", "a", "c"]
    assert store.features == tuple(f"g{n}" for n in range(7))
    for position, name in enumerate(store.set_ids):
        np.testing.assert_array_equal(store.elements(position), dense[_rows(name)])
    batch = store.batch([2, 0])
    np.testing.assert_array_equal(batch.elements.numpy(), dense[np.concatenate([_rows("c"), _rows("b")])])
    assert store.sets["status"].to_pylist() == ["well", "ill", "ill"]
    assert store.sets["age"].to_pylist() == [7.5, 51.0, None]
    assert "changes within a sample (the first: 'a')" in store.left_out["cell_type"]


def test_a_sparse_store_behaves_as_a_dense_one(tmp_path):
    one = read(_cells("csr")[0], set_id="sample").save(tmp_path / "s.arrow")
    two = read(_cells("dense")[0], set_id="sample").save(tmp_path / "d.arrow")
    assert one.fingerprint == two.fingerprint
    assert Standardiser.fit(one, [0, 1]) == Standardiser.fit(two, [0, 1])
    assert summarise(one).features == summarise(two).features
    drawn = [s.batch([0, 1], max_elements=2, generator=np.random.default_rng(3)).elements for s in (one, two)]
    assert drawn[0].equal(drawn[1])
    assert SetStore.open(tmp_path / "s.arrow").with_sets(one.sets).elements(0).sum() == two.elements(0).sum()


def test_samples_whose_names_differ_by_white_space_are_one():
    data, dense = _cells("dense")
    data.obs["sample"] = _categories([f"{s} " if i % 2 else s for i, s in enumerate(SAMPLES)])
    store = read(data, set_id="sample")
    assert store.set_ids == ["b", "a", "c"]
    for sample in store.set_ids:
        np.testing.assert_array_equal(store.elements(store.set_ids.index(sample)), dense[_rows(sample)])


def test_layers_obsm_and_genes(tmp_path):
    data, dense = _cells()
    data.write_h5ad(tmp_path / "cells.h5ad")
    path = tmp_path / "cells.h5ad"
    layer = read(path, set_id="sample", features=["g5", "g2"], reading=Reading(layer="doubled"))
    np.testing.assert_array_equal(layer.elements(1), 2 * dense[_rows("a")][:, [5, 2]])
    pca = read(path, set_id="sample", reading=Reading(obsm="X_pca"))
    assert pca.features == ("X_pca_0", "X_pca_1", "X_pca_2")
    np.testing.assert_allclose(pca.elements(2), data.obsm["X_pca"][_rows("c")], rtol=1e-6)
    assert pca.description.processing.matrix == "obsm X_pca"
    again = read(path, set_id="sample", like=pca.description.processing)
    assert again.features == pca.features
    with pytest.raises(InputError, match="obsm must be X_pca"):
        read(path, set_id="sample", like=pca.description.processing, reading=Reading(obsm="X_umap"))


def test_what_is_not_there(tmp_path):
    data, _ = _cells()
    data.write_h5ad(tmp_path / "cells.h5ad")
    path = tmp_path / "cells.h5ad"
    for arguments, words in [
        ({}, "obs must have a column 'set_id'.*--set-id"),
        ({"set_id": "sample", "reading": Reading(layer="raw")}, "has no layer raw; it has doubled"),
        ({"set_id": "sample", "reading": Reading(obsm="X_umap")}, "has no obsm X_umap; it has X_pca"),
        ({"set_id": "sample", "features": ["g1", "MS4A1"]}, "has no features MS4A1"),
    ]:
        with pytest.raises(InputError, match=words):
            read(path, **arguments)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"cells\.h5ad cannot be read"):
        read(path, set_id="sample")
    data.obs.loc["cell4", "sample"] = np.nan
    with pytest.raises(InputError, match="'sample' of cell 5 is empty"):
        read(data, set_id="sample")


def test_values_that_are_no_numbers():
    data, dense = _cells("dense")
    dense[7, 3] = np.nan
    data.X = dense
    with pytest.raises(InputError, match="element 1 of set 'c'"):
        read(data, set_id="sample")
    store = read(data, set_id="sample", reading=Reading(missing="mask"))
    with pytest.raises(InputError, match="set 'c' holds NaN"):
        read(anndata.AnnData(sparse.csr_matrix(dense), obs=data.obs), set_id="sample")
    assert store.features[-1] == "g3 (missing)"


def test_wide_sparse_cells_stay_small():
    rng = np.random.default_rng(0)
    matrix = sparse.random(4001, 30011, density=0.001, format="csr", dtype=np.float32, rng=rng)
    obs = pd.DataFrame({"sample": rng.integers(0, 7, 4001).astype(str)}, index=[str(n) for n in range(4001)])
    store = read(anndata.AnnData(matrix, obs=obs), set_id="sample")
    kept = store._contents.elements
    assert isinstance(kept, SparseElements)
    assert kept.values.nbytes + kept.columns.nbytes + kept.begins.nbytes < 2e6  # 480 MB dense
    assert store.batch([3]).elements.shape == (store.sizes[3], 30011)


def test_results_go_back(tmp_path):
    data, dense = _cells()
    data.write_h5ad(tmp_path / "cells.h5ad")
    scores = {name: np.arange(len(_rows(name))) + 100.0 * n for n, name in enumerate("abc")}
    table = pd.DataFrame({"predicted": [0.5, 1.5, 2.5]}, index=["a", "b", "c"])
    out = write_anndata(
        tmp_path / "cells.h5ad", tmp_path / "out.h5ad", set_id="sample", obs={"score": scores}, uns={"setwise": table}
    )
    back = anndata.read_h5ad(out)
    np.testing.assert_array_equal(back.X.toarray(), dense)
    for name in "abc":
        np.testing.assert_array_equal(back.obs["score"].to_numpy()[_rows(name)], scores[name])
    pd.testing.assert_frame_equal(back.uns["setwise"], table)
    assert back.obs["status"].tolist() == data.obs["status"].tolist()
    with pytest.raises(InputError, match="5 values for set 'b'"):
        write_anndata(tmp_path / "cells.h5ad", out, set_id="sample", obs={"score": {"b": [1.0]}})
    with pytest.raises(InputError, match="is the original"):
        write_anndata(out, out, set_id="sample")


def test_files_of_anndata_before_0_7(tmp_path):
    path = Path(__file__).parents[1] / "fixtures" / "old.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = anndata.read_h5ad(path)
    store = read(path, set_id="donor")
    assert store.features == ("g0", "g1", "g2", "g3")
    assert store.set_ids == ["d0", "d1", "d2", "d3"]
    assert store.sets["dx"].to_pylist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(store.elements(1), expected.X[3:6].toarray())
    with pytest.raises(InputError, match=r"no obsm X_pca; it has X \(without either option\), no obsm, no layers"):
        read(path, set_id="donor", reading=Reading(obsm="X_pca"))
    with pytest.raises(InputError, match=r"before 0\.7, and is read but not copied"):
        write_anndata(path, tmp_path / "copy.h5ad", set_id="donor")


@pytest.mark.parametrize("where", ["memory", "file", "zarr"])
def test_a_data_frame_in_obsm_names_the_features(tmp_path, where):
    data, _ = _cells()
    columns = pd.Index(["CD3", "CD4", "CD8"], dtype=object)
    data.obsm["protein"] = pd.DataFrame(data.obsm["X_pca"], index=data.obs_names, columns=columns)
    store = read(_kept(data, tmp_path, where), set_id="sample", reading=Reading(obsm="protein"))
    assert store.features == ("CD3", "CD4", "CD8")
    np.testing.assert_allclose(store.elements(0), data.obsm["X_pca"][_rows("b")], rtol=1e-6)
    data.obsm["protein"] = data.obsm["protein"][["CD8", "CD4", "CD3"]]
    again = read(
        _kept(data, tmp_path / "again", where),
        set_id="sample",
        features=["CD3", "CD*"],
        reading=Reading(obsm="protein"),
    )
    assert again.features == ("CD3", "CD8", "CD4")
    np.testing.assert_array_equal(again.elements(0)[:, [0, 2, 1]], store.elements(0))


def _kept(data, folder, where):
    folder.mkdir(exist_ok=True)
    if where == "file":
        data.write_h5ad(folder / "cells.h5ad")
        return folder / "cells.h5ad"
    if where == "zarr":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.write_zarr(folder / "cells.zarr")
        return folder / "cells.zarr"
    return data


@pytest.mark.parametrize("kind", ["csr", "dense"])
def test_zarr_stores_are_read_as_files_are(tmp_path, kind):
    data, _ = _cells(kind)
    store = read(_kept(data, tmp_path, "zarr"), set_id="sample")
    assert store.fingerprint == read(data, set_id="sample").fingerprint
    (tmp_path / "cells.zarr").rename(tmp_path / "without a suffix")
    assert read(tmp_path / "without a suffix", set_id="sample").fingerprint == store.fingerprint
    with pytest.raises(InputError, match=r"copies with results are made of \.h5ad files"):
        write_anndata(tmp_path / "without a suffix", tmp_path / "copy.h5ad", set_id="sample")


def test_a_file_without_x_tells_of_what_it_has(tmp_path):
    data, _ = _cells()
    for source in (data, _kept(data, tmp_path, "file")):
        if source is data:
            data.X = None
        else:
            with h5py.File(source, "r+") as file:
                del file["X"]
        with pytest.raises(InputError, match=r"no X; it has doubled \(--layer doubled\), X_pca \(--obsm X_pca\)\."):
            read(source, set_id="sample")
        data, _ = _cells()


def test_a_modality_of_mudata(tmp_path):
    data, dense = _cells()
    other, _ = _cells("dense")
    other.obs = other.obs.drop(columns=["sample", "status"])
    path = tmp_path / "m.h5mu"
    with h5py.File(path, "w") as file:
        anndata.io.write_elem(file, "obs", data.obs[["sample"]].iloc[::-1])
        for name, own in {"rna": data, "prot": other}.items():
            anndata.io.write_elem(file.require_group("mod"), name, own)
    store = read(path, set_id="sample", reading=Reading(layer="rna:doubled"))
    np.testing.assert_array_equal(store.elements(0), 2 * dense[_rows("b")])
    of_all = read(path, set_id="sample", reading=Reading(layer="prot:X"))  # the samples are those of the whole
    np.testing.assert_array_equal(of_all.elements(0), dense[_rows("b")])
    assert of_all.description.processing.matrix == "layer prot:X"
    assert read(path, set_id="sample", reading=Reading(obsm="prot:X_pca")).shape == (3,)
    for asked in (Reading(), Reading(layer="atac:X"), Reading(layer="X")):
        with pytest.raises(InputError, match=r"is MuData of prot, rna: name the modality .* --layer prot:X"):
            read(path, set_id="sample", reading=asked)


@pytest.mark.parametrize("kind", ["csr", "dense"])
@pytest.mark.filterwarnings("ignore:The 'mode.chained_assignment' option")  # of anndata's views
def test_several_files(tmp_path, kind):
    data, _ = _cells(kind)
    whole = read(data, set_id="sample")
    (tmp_path / "s").mkdir()
    for name in "abc":
        part = data[data.obs["sample"] == name].copy()
        if name == "b":
            part = part[:, ::-1].copy()  # features go by their names
        part.obs = part.obs.drop(columns=["age"])
        part.write_h5ad(tmp_path / "s" / f"{name}.h5ad")
    by_column = read(tmp_path / "s", set_id="sample", labels=["cell_type"])
    alone = read(tmp_path / "s" / "*.h5ad", sets={"donor": list("cba"), "y": [3, 2, 1]}, set_id="donor")
    for store in (by_column, alone):
        assert store.features == whole.features
        for row, name in enumerate(store.set_ids):
            np.testing.assert_allclose(store.elements(row), whole.elements(whole.set_ids.index(name)))
    assert by_column.set_ids == by_column.sets["file"].to_pylist() == ["a", "b", "c"]
    assert by_column.labels["cell_type"].to_pylist() == [data.obs["cell_type"].iloc[n] for s in "abc" for n in _rows(s)]
    assert alone.sets["y"].to_pylist() == [3, 2, 1]
    assert alone.sets["status"].to_pylist() == ["ill", "well", "ill"]
    assert alone.is_sparse == (kind == "csr")
    data[:, :5].copy().write_h5ad(tmp_path / "s" / "d.h5ad")
    with pytest.raises(InputError, match=r"every sample must lie in one file; a, b, c lie in several"):
        read(tmp_path / "s", set_id="sample")
    with pytest.raises(InputError, match="d and a differ in 2, such as g5, g6"):
        read([tmp_path / "s" / "a.h5ad", tmp_path / "s" / "d.h5ad"])
    (tmp_path / "s" / "d.h5ad").write_bytes(b"none")
    with pytest.raises(InputError, match=r"d\.h5ad cannot be read"):
        read(tmp_path / "s", set_id="sample")
    left = read(tmp_path / "s", set_id="sample", reading=Reading(skip_bad=True))
    assert left.set_ids == ["a", "b", "c"]
    assert list(left.description.skipped) == ["d.h5ad"]
