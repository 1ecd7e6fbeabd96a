"""Tables with a row per element whose features are a vector in one column, as embeddings of tiles are."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setwise._checks import InputError
from setwise.readers.read import read

VALUES = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
SLIDES = ["a"] * 5 + ["b"] * 7


def tiles(kind, rows=slice(None), **more):
    lists = [row.tolist() for row in VALUES[rows]]
    column = pa.array(lists, pa.list_(pa.float32(), 3) if kind == "fixed" else pa.list_(pa.float32()))
    return pa.table({"set_id": SLIDES[rows], "emb": column, **more})


@pytest.mark.parametrize("kind", ["fixed", "lists"])
def test_components_are_features(kind):
    where = np.random.default_rng(1).normal(size=12)
    table = tiles(kind, where=where, y=[n // 5 for n in [0] * 5 + [5] * 7])
    store = read(table)
    assert store.features == ("emb_0", "emb_1", "emb_2", "where")
    assert store.sets["y"].to_pylist() == [0, 1]
    for features in (["emb"], ["emb_0", "emb_1", "emb_2"], ["emb_*"]):
        np.testing.assert_array_equal(read(table, features=features).elements(1), VALUES[5:])


@pytest.mark.parametrize("kind", ["fixed", "lists"])
def test_in_several_files(tmp_path, kind):
    for folder in ("parts", "slides"):
        (tmp_path / folder).mkdir()
    for name, rows in {"a": slice(0, 5), "b": slice(5, 12)}.items():
        pq.write_table(tiles(kind, rows), tmp_path / "parts" / f"{name}.parquet")
        pq.write_table(tiles(kind, rows).drop_columns(["set_id"]), tmp_path / "slides" / f"{name}.parquet")
    for folder in ("parts", "slides"):
        store = read(tmp_path / folder, features=["emb"])
        assert store.set_ids == ["a", "b"]
        np.testing.assert_array_equal(store.elements(1), VALUES[5:])


def test_an_element_without_a_vector_and_one_with_another_length():
    missing = pa.table({"set_id": ["a", "a", "b", "b"], "emb": [[1.0, 2.0], None, [3.0, 4.0], [5.0, 4.0]]})
    with pytest.raises(InputError, match="emb_0"):
        read(missing)
    first = tiles("lists")
    odd = pa.table({"set_id": ["c"], "emb": pa.array([[1.0]], first["emb"].type)})
    with pytest.raises(InputError, match=r"'emb' must have one length, 3 as the first; one has 1"):
        read(pa.concat_tables([first, odd]))


def test_a_name_that_is_there_twice_is_no_set_of_vectors():
    table = pa.table({"set_id": ["a", "b", "b"], "x": [[1.0, 2.0], [3.0, 1.0], [2.0, 5.0]]})
    with pytest.raises(InputError, match="every set must have one row"):
        read(table)


def test_a_row_per_set_stays_what_it_is():
    table = pa.table({"set_id": ["a", "b"], "x": [[1.0, 2.0, 4.0], [3.0, 1.0, 2.0]]})
    store = read(table)
    assert store.features == ("x",)
    assert store.sizes.tolist() == [3, 3]
