"""Few sets are measured by cross-validation of the whole fit."""

import time
from threading import Event

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.validate.few_sets import fit_and_measure, is_measured_by_folds
from tests.fixtures.stacks import use_small


def store_of(count=24):
    draw = np.random.default_rng(0)
    sets = [draw.normal(2.0 * (i % 2), 1, (draw.integers(3, 9), 3)) for i in range(count)]
    columns = {"y": ["ab"[i % 2] for i in range(count)], "group": [f"g{i // 2}" for i in range(count)]}
    return read(sets, sets=pa.table(columns))


def study_of(**choices):
    config = FitConfig(device="cpu", ensemble=3, batch_size=8, epochs=1)
    return Study(**{"targets": "y", "model": "auto", "model_choices": {"effort": "quick"}, "config": config, **choices})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        use_small(patch)
        patch.setattr("joblib.cpu_count", lambda: 1)  # in this process, which has the small models
        return fit_and_measure(store_of(), study_of(), out=tmp_path_factory.mktemp("few") / "run", progress=False)


def test_every_set_is_predicted_by_a_fit_without_it(run):
    predicted = run.test_predictions
    assert sorted(predicted["set_id"].to_pylist()) == sorted(store_of().set_ids)
    assert run.record.folds == 5
    assert run.record.measured_sets == 24


def test_the_model_that_is_kept_is_fitted_to_all(run):
    assert len(run.record.split.train) == 24
    assert not run.record.split.test


def test_it_stands_in_the_directory(run):
    again = Run.load(run.path)
    assert again.record.test == run.record.test
    assert (run.path / "cross-validation" / "cv.json").is_file()


def test_the_stack_stands_beside_constant_and_best_single_model(run):
    names = [row.name for row in run.record.test]
    assert names[:3] == ["auto", "best single model", "constant"]
    assert run.record.test[0].intervals


@pytest.mark.parametrize(
    ("count", "choices", "want"),
    [
        (24, {}, True),
        (24, {"test": 0.2}, False),
        (24, {"model": "linear", "model_choices": {}}, False),
        (24, {"model_choices": {"depth": 2}}, False),
        (211, {}, False),
    ],
)
def test_which_fits_are_measured_so(count, choices, want):
    assert is_measured_by_folds(store_of(count), study_of(**choices)) == want


def test_a_column_of_parts_is_kept_to():
    store = store_of()
    sets = store.sets.append_column("split", pa.array(["train"] * 12 + ["test"] * 12))
    assert not is_measured_by_folds(store.with_sets(sets), study_of())


def test_classes_that_cannot_be_divided_are_refused_before_anything_is_fitted(tmp_path):
    labels = pa.array(["a"] * 23 + ["b"])
    store = store_of()
    sets = store.sets.set_column(store.sets.column_names.index("y"), "y", labels)
    with pytest.raises(InputError, match="two sets at least"):
        fit_and_measure(store.with_sets(sets.drop_columns(["group"])), study_of(), out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_folds_beside_the_fit_end_with_it(tmp_path, monkeypatch):
    ended = Event()

    def without_end(*_, done, **__):
        try:
            for number in range(1_000):
                time.sleep(0.01)
                done(number, 1_000)
        finally:
            ended.set()

    def at_fault(*_, **__):
        raise InputError("no model could be fitted")

    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    monkeypatch.setattr("setwise.validate.few_sets.cross_validate", without_end)
    monkeypatch.setattr("setwise.validate.few_sets.train", at_fault)
    with pytest.raises(InputError, match="no model"):
        fit_and_measure(store_of(), study_of(), out=tmp_path / "run", progress=False)
    assert ended.wait(5)
