"""A family that is not fitted by gradients goes through everything, and nobody knows of it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

import setwise as sw
from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.explanations.cost import plan
from setwise.explanations.explain import explain
from setwise.fit import preparation
from setwise.models import families
from setwise.readers.read import read
from setwise.report.page import write_report
from setwise.runs.config import FitConfig
from setwise.runs.export import save_program
from setwise.runs.large_sets import outputs_of_large
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.validate import tune as search
from tests.fixtures.ridge import RIDGE, LoudRidge
from tests.fixtures.training import train

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
CONFIG = FitConfig(device="cpu", ensemble=0, batch_size=7)


@pytest.fixture(autouse=True)
def ridge(monkeypatch):
    known = (*families.FAMILIES, RIDGE)
    models = tuple(name for family in known for name in family.models)
    for module, name, value in (
        (families, "FAMILIES", known),
        (families, "MODELS", models),
        (preparation, "CHOICES", (*families.CHOICES, "strength")),
        (search, "FAMILIES", known),
        (search, "MODELS", models),
    ):
        monkeypatch.setattr(module, name, value)


def store_of(count=29):
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 5, 2.0, (1 + i % 7, 3)) for i in range(count)]
    age = draw.normal(50, 9, count)
    y = [float(x.mean(0) @ [1.0, -2, 0.5] + 0.1 * a) for x, a in zip(sets, age, strict=True)]
    return read(sets, sets=pa.table({"y": y, "age": age, "kind": [("a", "b")[i % 2] for i in range(count)]}))


def fitted(store, **choices):
    asked = {"targets": "y", "model": "ridge-on-means", "covariates": ("age",), "config": CONFIG}
    return train(store, **{**asked, **choices})


def naive(run, store):
    """Predictions by ridge regression in its primal form, from the record and the data alone."""
    batch = lambda ids: [store.set_ids.index(name) for name in ids]  # noqa: E731
    record, age = run.record, np.asarray(store.sets["age"].to_pylist())
    mean, std = (np.asarray(record.standardiser[part]) for part in ("mean", "std"))
    y = np.asarray(store.sets["y"].to_pylist())
    rows = batch(record.split.train)

    def table(rows):
        means = np.stack([(np.asarray(store.elements(r), np.float64).mean(0) - mean) / std for r in rows])
        own = (age[rows] - age[batch(record.split.train)].mean()) / age[batch(record.split.train)].std()
        return np.column_stack([means, own, np.ones(len(rows))])

    x, strength = table(rows), record.spec["strength"]
    z = (y[rows] - y[rows].mean()) / y[rows].std()
    w = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ z)
    everything = np.arange(len(store))
    return (table(everything) @ w) * y[rows].std() + y[rows].mean()


def test_the_record_of_a_fit_in_closed_form():
    run = fitted(store_of())
    assert (run.record.spec["family"], run.record.spec["strength"]) == ("ridge", 1e-2)  # as few sets ask for
    assert (run.record.status, run.record.epochs, run.record.config.ensemble) == ("finished", 0, 1)
    assert run.record.seconds > 0
    assert run.record.num_parameters == len(run.record.split.train)


def test_fit_save_load_predict(tmp_path):
    store = store_of()
    run = fitted(store, out=tmp_path / "run")
    found = predictions_of(run, store, np.arange(len(store)))[:, 0]
    np.testing.assert_allclose(found, naive(run, store), rtol=1e-5, atol=1e-5)
    loaded = Run.load(tmp_path / "run")
    assert np.array_equal(predictions_of(loaded, store, np.arange(len(store)))[:, 0], found)
    assert json.loads((tmp_path / "run" / "model.json").read_text())["spec"]["family"] == "ridge"


def test_a_report_of_a_history_without_epochs(tmp_path):
    store = store_of()
    run = fitted(store, out=tmp_path / "run")
    assert "ridge-on-means" in write_report(run, store, command="").read_text("utf-8")


def test_a_run_that_is_finished_is_resumed_as_it_is(tmp_path):
    store = store_of()
    run = fitted(store, out=tmp_path / "run")
    again = fitted(store, out=tmp_path / "run", resume=True)
    assert again.record.weights_sha256 == run.record.weights_sha256


def test_a_damaged_run_is_still_refused(tmp_path):
    run = fitted(store_of(), out=tmp_path / "run")
    other = run.record.model_copy(update={"spec": {**run.record.spec, "family": "deep-sets"}})
    (tmp_path / "run" / "model.json").write_text(other.model_dump_json())
    with pytest.raises(InputError, match="damaged"):
        Run.load(tmp_path / "run")


def test_members(tmp_path):
    store = store_of(30)
    run = fitted(store, config=CONFIG.model_copy(update={"ensemble": 3}), out=tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert len(loaded.members) == 3
    rows = np.arange(len(store))
    assert np.array_equal(predictions_of(loaded, store, rows), predictions_of(run, store, rows))


def test_double_precision(tmp_path):
    store = store_of()
    run = fitted(store, config=CONFIG.model_copy(update={"precision": "64-true"}), out=tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.dtype == torch.float64
    np.testing.assert_allclose(
        predictions_of(loaded, store, np.arange(5)), predictions_of(run, store, np.arange(5)), rtol=1e-14
    )


def test_huge_sets_are_streamed_or_refused_by_name():
    store = store_of()
    run = fitted(store)
    want = predictions_of(run, store, np.arange(len(store)))
    for row in (6, 13):
        found = run.objective.predict(outputs_of_large(run, store, row))
        np.testing.assert_allclose(found[0], want[row], rtol=1e-5)
    run.model.__class__ = LoudRidge
    with pytest.raises(InputError, match="LoudRidge does not"):
        outputs_of_large(run, store, 6)


def test_explanations():
    store = store_of()
    run = fitted(store)
    config = ExplainConfig(max_sets=4)
    assert plan(run, store, config).methods == ("leave_one_out",)
    with pytest.raises(InputError, match="Ridge has no gradients by the elements"):
        plan(run, store, ExplainConfig(methods=("integrated_gradients",)))
    found = explain(run, store, config=config, device="cpu")
    assert found.coupling == "Ridge as a whole"
    assert set(found.sets["left_out_by"].to_pylist()) == {"recomputed"}
    scores = found.scores.filter(pc.field("set_id") == found.sets["set_id"][0]).to_pylist()
    row = store.set_ids.index(scores[0]["set_id"])
    x = np.asarray(store.elements(row))
    if len(x) > 1:
        less = read([np.delete(x, scores[0]["element"], axis=0)], sets=store.sets.slice(row, 1).drop(["set_id"]))
        difference = predictions_of(run, store, np.array([row])) - predictions_of(run, less, np.array([0]))
        np.testing.assert_allclose(scores[0]["leave_one_out"], difference[0, 0], rtol=1e-3, atol=1e-4)


def test_export(tmp_path):
    assert save_program(fitted(store_of()), tmp_path / "model.pt2") < 1e-5


def test_targets_that_the_family_cannot_be_fitted_to_are_refused_in_its_words():
    with pytest.raises(InputError, match="ridge is for numbers"):
        fitted(store_of(), targets="kind")


def test_choices_of_others_are_refused_by_name():
    with pytest.raises(InputError, match="ridge-on-means has no choice of depth"):
        sw.models.make_spec("ridge-on-means", 3, 1, depth=2)
    with pytest.raises(InputError, match=r"deep-sets\+\+ has no choice of strength"):
        sw.models.make_spec("deep-sets++", 3, 1, strength=0.1)
    with pytest.raises(InputError, match="strength must be above zero"):
        sw.models.make_spec("ridge-on-means", 3, 1, strength=0.0)
