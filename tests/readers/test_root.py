"""ROOT files and awkward arrays, and every other library whose tables speak Arrow."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading

SIZES = [2, 1, 5, 3]


def _events():
    awkward = pytest.importorskip("awkward")
    rng = np.random.default_rng(0)
    pt, eta = rng.gamma(2, 20, 11), rng.normal(size=11)
    counts = np.array(SIZES)
    lists = {"pt": awkward.unflatten(pt, counts), "eta": awkward.unflatten(eta, counts)}
    return lists | {"met": np.arange(4.0), "is_top": np.array([0, 1, 1, 0])}, np.stack([pt, eta], 1).astype(np.float32)


def _check(store, values):
    assert store.features == ("pt", "eta")
    assert store.sizes.tolist() == SIZES
    np.testing.assert_allclose(np.concatenate([store.elements(n) for n in range(4)]), values, rtol=1e-6)
    assert store.sets["is_top"].to_pylist() == [0, 1, 1, 0]
    assert store.set_ids == ["0", "1", "2", "3"]


def test_awkward_arrays():
    awkward = pytest.importorskip("awkward")
    columns, values = _events()
    _check(read(awkward.zip(columns, depth_limit=1)), values)


@pytest.fixture
def root(tmp_path):
    uproot = pytest.importorskip("uproot")
    columns, values = _events()
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {name: x.type if hasattr(x, "type") else x.dtype for name, x in columns.items()})
        file["Events"].extend(columns)
    return path, values


def test_root_files(root, tmp_path):
    path, values = root
    _check(read(path, features=["pt", "eta"]), values)
    assert read(path, store=tmp_path / "x.arrow", features=["pt"]).num_elements == 11


def test_several_trees(root):
    uproot = pytest.importorskip("uproot")
    path, _ = root
    with uproot.update(path) as file:
        file.mktree("Runs", {"number": "int64"})
        file["Runs"].extend({"number": np.arange(3)})
    with pytest.raises(InputError, match=r"must have one tree; it has Events, Runs.*--tree"):
        read(path)
    assert len(read(path, reading=Reading(tree="Events"), features=["pt"])) == 4
    with pytest.raises(InputError, match="has no tree 'Lumi'"):
        read(path, reading=Reading(tree="Lumi"))


def test_damaged_root_files(root):
    path, _ = root
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"events\.root"):
        read(path)


@pytest.mark.parametrize("library", ["polars", "duckdb", "pandas", "pyarrow"])
def test_tables_of_every_library(library):
    made = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    columns = {"set_id": ["a", "b", "b", "c", "c", "c", "d"] * 3, "u": rng.normal(size=21), "v": rng.normal(size=21)}
    targets = {"set_id": list("dcba"), "y": [4, 3, 2, 1]}
    if library == "polars":
        cells, sets = made.DataFrame(columns), made.DataFrame(targets)
    elif library == "pandas":
        cells, sets = pd.DataFrame(columns), pd.DataFrame(targets)
    else:
        cells, sets = pa.table(columns), pa.table(targets)
    if library == "duckdb":
        with made.connect() as connection:
            store = read(connection.sql("select * from cells").arrow(), sets=sets)
    else:
        store = read(cells, sets=sets)
    assert store.sizes.tolist() == [3, 6, 9, 3]
    assert store.sets["y"].to_pylist() == [1, 2, 3, 4]
    np.testing.assert_allclose(store.elements(0)[:, 0], columns["u"][[0, 7, 14]], rtol=1e-6)
