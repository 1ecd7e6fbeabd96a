"""Predictions for new sets: features by name, no need of targets, the numbers of the test."""

import copy

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
import torch

from setwise._checks import InputError
from setwise.assess.evaluate import evaluate
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.runs.config import FitConfig
from setwise.runs.predict import predict
from setwise.runs.run import Run
from tests.fixtures.training import train

CHOICES = {"depth": 2, "width": 8}
NAMES = ("volume", "mass", "shape")


def long_table(seed: int = 0, columns: tuple[str, ...] = NAMES, num_sets: int = 37) -> tuple[pa.Table, pa.Table]:
    """Make a table of elements and one of sets; column j of an element is about j."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 13, num_sets)
    ids = np.repeat([f"s{i}" for i in range(num_sets)], sizes)
    levels = np.repeat(draw.normal(size=num_sets), sizes)
    values = {name: 10.0 * j + levels + draw.normal(size=len(ids)) for j, name in enumerate(NAMES)}
    level = [float(levels[ids == f"s{i}"][0]) for i in range(num_sets)]
    elements = pa.table({"set_id": ids, **{name: values.get(name, draw.normal(size=len(ids))) for name in columns}})
    sets = {"set_id": [f"s{i}" for i in range(num_sets)], "level": level, "age": [50.0 + x for x in level]}
    return elements, pa.table({**sets, "kind": ["high" if x > 0 else "low" for x in level]})


@pytest.fixture(scope="module")
def run() -> Run:
    elements, sets = long_table()
    store = read(elements, sets=sets)
    return train(store, targets="level", model_choices=CHOICES, config=FitConfig(epochs=5, device="cpu"))


@pytest.fixture(scope="module")
def with_covariates() -> Run:
    elements, sets = long_table()
    config = FitConfig(epochs=5, device="cpu")
    return train(read(elements, sets=sets), targets="kind", covariates=["age"], model_choices=CHOICES, config=config)


def numbers(table: pa.Table, name: str = "predicted_level") -> np.ndarray:
    return table[name].to_numpy()


def test_same_numbers_as_in_the_test(run, tmp_path):
    run.save(tmp_path / "run")
    elements, sets = long_table()
    predicted = predict(tmp_path / "run", elements)
    assert predicted.column_names == ["set_id", "predicted_level"]
    tested = run.test_predictions
    of = dict(zip(predicted["set_id"].to_pylist(), numbers(predicted), strict=True))
    np.testing.assert_allclose([of[name] for name in tested["set_id"].to_pylist()], numbers(tested), rtol=1e-5)
    held_out = sets.filter(pa.array([name in run.record.split.test for name in sets["set_id"].to_pylist()]))
    kept = elements.filter(pa.array([name in run.record.split.test for name in elements["set_id"].to_pylist()]))
    result = evaluate(tmp_path / "run", kept, sets=held_out)
    assert result.metrics == pytest.approx(run.record.test[0].metrics, rel=1e-4)
    assert result.known_sets == 0
    assert evaluate(run, elements, sets=sets).known_sets == 37 - held_out.num_rows


def test_order_of_columns_is_repaired_and_other_columns_are_left_alone(run, tmp_path):
    elements, _ = long_table()
    want = numbers(predict(run, elements))
    shuffled = elements.select(["shape", "set_id", "volume", "mass"])
    np.testing.assert_array_equal(numbers(predict(run, shuffled)), want)
    np.testing.assert_array_equal(numbers(predict(run, read(shuffled, features=["shape", "mass", "volume"]))), want)
    more = shuffled.append_column("hue", pa.array(np.ones(len(elements))))
    pa_csv.write_csv(more, tmp_path / "more.csv")
    np.testing.assert_allclose(numbers(predict(run, tmp_path / "more.csv")), want, rtol=1e-5)


def test_batches_change_nothing(run):
    elements, _ = long_table()
    want = numbers(predict(run, elements))
    few = predict(run, elements, elements_per_batch=7, workers=1)
    np.testing.assert_allclose(numbers(few), want, rtol=1e-5, atol=1e-6)
    assert not np.allclose(numbers(predict(run, elements, max_elements=1)), want)


def test_missing_and_unknown_features_are_named(run):
    elements, _ = long_table()
    with pytest.raises(InputError, match="no column 'mass'"):
        predict(run, elements.drop_columns(["mass"]))
    other = read(elements.rename_columns(["set_id", "volume", "weight", "shape"]))
    with pytest.raises(
        InputError,
        match=r"the 3 features of training \(volume, mass, shape\); got 3 \(volume, weight, shape\); "
        r"missing: mass; not known: weight\.",
    ):
        predict(run, other)
    with pytest.raises(InputError, match=r"elements must have shape \(3,\), as in training; got \(\)"):
        predict(run, read([np.array([1, 2, 3])]))


def test_arrays_without_names_are_not_guessed(run):
    with pytest.raises(InputError, match="missing: volume, mass, shape"):
        predict(run, [np.ones((2, 3), np.float32)])


def test_files_without_names_are_not_guessed(run, tmp_path):
    elements, _ = long_table()
    store = read(elements)
    sizes = store.sizes
    padded = np.zeros((len(store), int(sizes.max()), 3), np.float32)
    for row, size in enumerate(sizes):
        padded[row, :size] = store.elements(row)
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        file["train_data"], file["train_lengths"] = padded, sizes
    with pytest.raises(InputError, match="missing: volume, mass, shape"):
        predict(run, tmp_path / "cells.h5")
    named = predict(run, tmp_path / "cells.h5", features=NAMES)
    np.testing.assert_allclose(numbers(named), numbers(predict(run, elements)), rtol=1e-6)
    read(elements.select(["set_id", "mass", "shape", "volume"])).save(tmp_path / "cells.arrow")
    stored = predict(run, tmp_path / "cells.arrow")
    np.testing.assert_array_equal(numbers(stored), numbers(predict(run, elements)))


def test_covariates_come_from_the_table_of_sets(with_covariates):
    elements, sets = long_table()
    predicted = predict(with_covariates, elements, sets=sets.select(["set_id", "age"]))
    assert predicted.column_names == ["set_id", "predicted_kind", "probability_high", "probability_low"]
    total = numbers(predicted, "probability_high") + numbers(predicted, "probability_low")
    np.testing.assert_allclose(total, 1)
    older = sets.set_column(2, "age", pa.array(np.asarray(sets["age"]) + 30))
    assert not np.allclose(
        numbers(predict(with_covariates, elements, sets=older), "probability_high"),
        numbers(predicted, "probability_high"),
    )
    with pytest.raises(InputError, match="the sets have no column 'age'"):
        predict(with_covariates, elements)


def test_evaluation_needs_targets_that_are_known(with_covariates):
    elements, sets = long_table()
    metrics = evaluate(with_covariates, elements, sets=sets).metrics
    assert set(metrics) == {"cross_entropy", "accuracy", "balanced_accuracy", "auc"}
    with pytest.raises(InputError, match="the sets have no column 'kind'"):
        evaluate(with_covariates, elements, sets=sets.drop_columns(["kind"]))
    strange = sets.set_column(3, "kind", pa.array(["medium", *sets["kind"].to_pylist()[1:]]))
    with pytest.raises(InputError, match="'high', 'low'; got 'medium'"):
        evaluate(with_covariates, elements, sets=strange)


def test_unknown_categories_are_refused():
    draw = np.random.default_rng(0)
    sets = [draw.integers(0, 5, 1 + i) for i in range(11)]
    store = read(sets, sets=pa.table({"y": draw.normal(size=11)}))
    run = train(store, targets="y", model_choices=CHOICES, config=FitConfig(epochs=1), baselines=False)
    assert len(predict(run, sets)) == 11
    with pytest.raises(InputError, match="whole numbers from 0 to 4, as in the training sets; got 7"):
        predict(run, [np.array([1, 7])])


def test_images():
    draw = np.random.default_rng(0)
    sets = [draw.integers(0, 255, (1 + i % 3, 64, 64), dtype=np.uint8) for i in range(7)]
    store = read(sets, sets=pa.table({"y": draw.normal(size=7)}))
    config = FitConfig(epochs=1, device="cpu")
    run = train(store, targets="y", model_choices=CHOICES, config=config, baselines=False)
    assert run.record.spec["elements"] == "images"
    tested = predict(run, sets)
    assert np.isfinite(numbers(tested, "predicted_y")).all()


def test_the_model_stays_as_it_was(run):
    before = torch.get_rng_state()
    predict(run, long_table()[0])
    assert not run.model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_a_prediction_that_is_no_number_is_refused_by_set(run):
    elements, _ = long_table()
    spoiled = copy.deepcopy(run)
    with torch.no_grad():
        list(spoiled.model.parameters())[-1].fill_(torch.inf)  # as a set with values beyond float32 would
    with pytest.raises(InputError, match=r"37 of 37 sets have no finite prediction: 's0', .* and 32 more"):
        predict(spoiled, elements)


def test_arrays_without_the_features_that_were_scaled_are_refused():
    draw = np.random.default_rng(0)
    names, sets = ["CD3", "CD4"], [draw.normal(size=(3, 2)) for _ in range(9)]
    store = read(sets, sets={"y": np.arange(9.0)}, features=names, reading=Reading(cofactor=5.0))
    config = FitConfig(epochs=1, device="cpu", ensemble=1)
    run = train(store, targets="y", model_choices={"depth": 2, "width": 8}, config=config, test=0)
    assert predict(run, sets, features=names).num_rows == 9
    with pytest.raises(InputError, match="CD3"):
        predict(run, sets)
