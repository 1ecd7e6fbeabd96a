"""New data are read as those that a run was fitted on."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.runs.predict import predict
from setwise.runs.run import Run
from tests.fixtures.training import train


def _table(name="patient", seed=0):
    generator = np.random.default_rng(seed)
    ids = np.repeat([f"p{n:02}" for n in range(24)], 5)
    y = np.repeat(np.arange(24) % 2, 5)
    return pa.table({name: ids, "a": generator.normal(size=120) + y, "b": generator.normal(size=120), "y": y})


@pytest.fixture
def run(tmp_path):
    store = read(_table(), set_id="patient")
    train(store, targets="y", model="linear", test=0.0, out=tmp_path / "run")
    return Run.load(tmp_path / "run")


def test_the_column_that_names_the_sets_is_asked_for_once(run):
    assert run.record.set_id == "patient"
    assert predict(run, _table(seed=1)).num_rows == 24
    assert predict(run, _table("sample"), set_id="sample").num_rows == 24
    with pytest.raises(InputError, match=r"no column 'patient'; it has sample, .*--set-id"):
        predict(run, _table("sample"))
    assert predict(run, [np.zeros((3, 2)), np.ones((2, 2))], features=["a", "b"]).num_rows == 2


def test_choices_of_reading_are_remembered_where_the_reader_has_them(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 6, 2))
    x[::2, 4:] = 0
    np.savez(tmp_path / "x.npz", X=x, y=np.arange(20) % 2)
    for padding, elements in (("keep", 120), ("drop", 100), (None, 100)):
        store = read(tmp_path / "x.npz", reading=Reading.model_validate({"padding": padding}))
        assert store.num_elements == elements
        out = tmp_path / f"run {padding}"
        train(store, targets="y", model="linear", test=0.0, out=out)
        again = Run.load(out)
        assert again.record.choices == ({} if padding is None else {"padding": padding})
        expected = predict(again, store)
        assert predict(again, tmp_path / "x.npz").equals(expected)
    table = pa.table({"set_id": ["a", "a", "b"], "x0": [1.0, 2.0, 3.0], "x1": [0.0, 1.0, 2.0]})
    assert predict(again, table).num_rows == 2


def test_a_store_on_disk_says_how_it_was_read(tmp_path):
    store = read(_table(), set_id="patient", store=tmp_path / "x.arrow")
    assert store.description.set_id == "patient"
    assert store.path == tmp_path / "x.arrow"
    assert store.batch([1, 0]).sizes.tolist() == [5, 5]
