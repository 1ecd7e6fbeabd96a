import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.store import SetStore

LABELS = ["kind", "height"]


def _table(count=60):
    generator = np.random.default_rng(0)
    return pa.table(
        {
            "set_id": generator.choice(["c", "a", "b"], count),
            "x": generator.normal(size=count),
            "kind": [None if i % 7 == 3 else ("t", "b")[i % 2] for i in range(count)],
            "height": [None if i % 5 == 2 else float(i) for i in range(count)],
            "extra": generator.normal(size=count),
        }
    )


def _expected(table, store):
    """Return rows of the table in the order of the store: set after set, in the order of the file within each."""
    owners = np.array(table["set_id"].to_pylist())
    return np.concatenate([np.flatnonzero(owners == name) for name in store.set_ids])


@pytest.mark.parametrize("on_disk", [False, True])
def test_labels_lie_beside_their_elements(tmp_path, on_disk):
    table = _table()
    store = read(table, labels=LABELS, store=tmp_path / "s.arrow" if on_disk else None)
    order = _expected(table, store)
    assert store.features == ("x", "extra")
    assert np.allclose(np.concatenate(list(store.chunks()))[:, 0], table["x"].to_numpy()[order].astype(np.float32))
    assert store.labels["kind"].to_pylist() == [table["kind"][int(i)].as_py() for i in order]
    height = [np.nan if table["height"][int(i)].as_py() is None else float(i) for i in order]
    assert np.array_equal(store.labels["height"].to_numpy(), height, equal_nan=True)
    store.save(tmp_path / "again.arrow")
    again = SetStore.open(tmp_path / "again.arrow")
    assert all(again.labels[name].to_pylist() == store.labels[name].to_pylist() for name in ["kind"])
    assert again.sets.column_names == store.sets.column_names
    assert store.with_sets(store.sets).labels.keys() == store.labels.keys()


def test_a_store_without_labels_is_as_older_versions_read_it(tmp_path):
    store = read([np.ones((3, 2))]).save(tmp_path / "s.arrow")
    assert b'"format": 1' in (tmp_path / "s.arrow").read_bytes()
    assert not store.labels


def test_labels_of_nested_tables_may_be_text():
    table = pa.table({"set_id": ["a", "b"], "x": [[1.0, 2.0], [3.0]], "kind": [["t", None], ["b"]], "age": [1.0, 2.0]})
    store = read(table, labels=["kind"])
    assert store.features == ("x",)
    assert store.labels["kind"].to_pylist() == ["t", None, "b"]
    assert store.sets.column_names == ["set_id", "age"]


def test_labels_of_numpy_files(tmp_path):
    np.savez(tmp_path / "s.npz", x=np.ones((5, 2)), n=[2, 3], kind=np.array(["t", "b", "t", "t", "b"]))
    assert read(tmp_path / "s.npz", labels=["kind"]).labels["kind"].to_pylist() == ["t", "b", "t", "t", "b"]
    with pytest.raises(InputError, match="no labels other"):
        read(tmp_path / "s.npz", labels=["other"])


def test_draws_of_elements_and_what_lies_beside_them_are_the_same():
    sizes = [3, 31, 11]
    values = np.arange(45, dtype=np.float32)[:, None]
    store = SetStore(values, sizes, pa.table({"set_id": ["a", "b", "c"]}), features=["x"])
    import torch

    for most in (None, 5):
        generator = np.random.default_rng(0)
        batch, beside = store.batch_with([2, 0, 1], torch.arange(45), max_elements=most, generator=generator)
        assert beside is not None
        assert batch.elements[:, 0].tolist() == beside.tolist()
        assert len(beside) == (45 if most is None else 13)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"labels": ["kind"], "features": ["x", "kind"]}, "told the answer"),
        ({"labels": ["none"]}, "none"),
        ({"labels": ["set_id"]}, "names the set of each element"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(choices, words):
    with pytest.raises(InputError, match=words):
        read(_table(), **choices)


def test_arrays_and_lengths():
    store = read([np.ones((3, 2)), np.ones((1, 2))])
    with pytest.raises(InputError, match="with_labels"):
        read([np.ones((3, 2))], labels=["kind"])
    with pytest.raises(InputError, match="one per element, 4; got 3"):
        store.with_labels({"kind": [1, 2, 3]})
    with pytest.raises(InputError, match="of one kind"):
        store.with_labels({"kind": [1, "t", 3, 4]})


def test_text_in_nested_tables_is_passed_over_where_features_are_named():
    table = pa.table({"set_id": ["a", "b"], "x": [[1.0, 2.0], [3.0]], "kind": [["u", "v"], ["u"]]})
    store = read(table, features=["x"])
    assert store.features == ("x",)
    assert store.elements(0)[:, 0].tolist() == [1.0, 2.0]
    assert store.left_out == {"kind": "it holds lists of text"}
    assert read(table).left_out == {"kind": "it holds lists of text"}
