"""HDF5 files as the authors' code writes them."""

import h5py
import numpy as np
import pytest

from setwise._checks import InputError
from setwise.readers.read import read


@pytest.fixture
def write(tmp_path):
    def _write(**data):
        path = tmp_path / "d.h5"
        with h5py.File(path, "w") as file:
            for name, values in data.items():
                file[name] = values
        return path

    return _write


def padded(count, longest=7, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, longest, width))


@pytest.mark.parametrize("on_disk", [False, True])
def test_parts_lengths_and_labels(write, tmp_path, monkeypatch, on_disk):
    monkeypatch.setattr("setwise.readers.hdf5._CHUNK", 400)
    train, test = padded(11), padded(5, longest=13, seed=1)
    lengths = np.array([7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3])
    train[1, 1:] = np.nan
    path = write(
        train_data=train,
        train_labels=np.arange(11.0)[:, None],
        train_lengths=lengths,
        test_data=test,
        test_labels=np.arange(5.0),
        notes=np.zeros(3),
    )
    store = read(path, store=tmp_path / "s.arrow" if on_disk else None)
    assert store.sizes.tolist() == [*lengths, *[13] * 5]
    assert store.set_ids[:2] + store.set_ids[-1:] == ["train_0", "train_1", "test_4"]
    assert store.sets["split"].to_pylist() == ["train"] * 11 + ["test"] * 5
    assert store.sets["label"].to_pylist() == [*range(11), *range(5)]
    assert store.features == ("x0", "x1", "x2")
    assert "notes" in store.left_out
    for row in range(11):
        np.testing.assert_array_equal(store.elements(row), train[row, : lengths[row]].astype(np.float32))
    for row in range(5):
        np.testing.assert_array_equal(store.elements(11 + row), test[row].astype(np.float32))


def test_several_labels_text_labels_and_none(write):
    store = read(write(train_data=padded(3), train_labels=np.arange(6).reshape(3, 2)), features=["a", "b", "c"])
    assert store.features == ("a", "b", "c")
    assert store.sets["label_1"].to_pylist() == [1, 3, 5]
    store = read(write(train_data=padded(2), train_labels=np.array([b"cat", b"dog"]), test_data=padded(1)))
    assert store.sets["label"].to_pylist() == ["cat", "dog", None]
    assert read(write(test_data=padded(2))).sets.column_names == ["set_id", "split"]


def test_images_and_categories(write):
    images = np.arange(2 * 3 * 5 * 7, dtype=np.uint8).reshape(2, 3, 5, 7)
    store = read(write(train_data=images))
    assert store.shape == (5, 7)
    np.testing.assert_array_equal(store.elements(1), images[1])
    assert read(write(train_data=np.arange(6).reshape(2, 3))).shape == ()


def test_a_table_of_sets_beside(write):
    path = write(train_data=padded(2), train_labels=[1, 2])
    store = read(path, sets={"set_id": ["train_1", "train_0"], "age": [30, 50]})
    assert store.sets["age"].to_pylist() == [50, 30]
    assert store.sets["label"].to_pylist() == [1, 2]
    with pytest.raises(InputError, match="columns label are already"):
        read(path, sets={"set_id": ["train_1", "train_0"], "label": [30, 50]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"data": padded(2)}, "must hold a data set 'train_data' or 'test_data'.*it holds data"),
        ({"train_data": np.zeros(3)}, "numbers of shape"),
        ({"train_data": np.zeros((0, 3, 2))}, "none of them 0"),
        ({"train_data": padded(3), "train_lengths": [1, 0, 2]}, "set train_1 has 0"),
        ({"train_data": padded(3), "train_lengths": [1, 8, 2]}, "from 1 to 7; set train_1 has 8"),
        ({"train_data": padded(3), "train_lengths": [1, 2]}, "must be 3 whole numbers"),
        ({"train_data": padded(3), "train_labels": [1, 2]}, "one row for each of the 3 sets"),
        ({"train_data": padded(3), "test_data": padded(2, width=5)}, "test_data has \\(5,\\)"),
        (
            {"train_data": padded(3), "train_labels": np.ones((3, 2)), "test_data": padded(1), "test_labels": [1]},
            "labels",
        ),
        ({"train_data": padded(3) * [1, np.nan, 1]}, "element 0 of set 'train_0' holds NaN"),
    ],
)
def test_what_does_not_agree_is_refused(write, tmp_path, data, message):
    path = write(**data)
    for store in (None, tmp_path / "s.arrow"):
        with pytest.raises(InputError, match=message):
            read(path, store=store)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_damaged_files(write, share):
    path = write(train_data=padded(100))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match="cannot be read"):
        read(path)
