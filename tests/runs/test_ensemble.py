"""Ensembles: members by themselves, their mean, their spread; kept, resumed, streamed."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.assess.evaluate import evaluate
from setwise.estimators.sets import SetClassifier, SetRegressor
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import member_config
from setwise.runs.outputs import predictions_of
from setwise.runs.predict import predict
from setwise.runs.run import Run
from setwise.store.store import SetStore
from tests.fixtures.training import train

MEMBERS = 3
CONFIG = FitConfig(epochs=3, device="cpu", batch_size=5, max_elements=7, ensemble=MEMBERS)


def store_of(count: int = 37) -> SetStore:
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 5, 1.0, (1 + i % 11, 3)) for i in range(count)]
    return read(sets, sets=pa.table({"y": [float(x.mean()) for x in sets], "kind": ["a", "b"] * (count // 2) + ["a"]}))


def quick(store, *, config=CONFIG, target="y", **more) -> Run:
    return train(store, targets=target, model_choices={"depth": 2, "width": 8}, config=config, baselines=False, **more)


def alone(store, whole, member, target="y") -> Run:
    """Fit a member by itself, with the parts of the ensemble's split."""
    position = {name: row for row, name in enumerate(store.set_ids)}
    words = np.empty(len(store), dtype=object)
    for part in ("train", "validation", "test"):
        words[[position[name] for name in getattr(whole, part)]] = part
    given = store.with_sets(store.sets.append_column("split", pa.array(words.tolist())))
    return quick(given, config=member_config(CONFIG, member).model_copy(update={"ensemble": 1}), target=target)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Fit members that tests read and do not change."""
    return quick(store_of(), out=tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def single() -> Run:
    """Fit the first member alone."""
    return quick(store_of(), config=CONFIG.model_copy(update={"ensemble": 1}))


@pytest.mark.parametrize("target", ["y", "kind"])
def test_predictions_are_the_mean_of_members_fitted_alone(target):
    store = store_of()
    run = quick(store, target=target, calibrate=False)
    rows = np.arange(len(store))
    each = [predictions_of(alone(store, run.record.split, member, target), store, rows) for member in range(MEMBERS)]
    np.testing.assert_allclose(predictions_of(run, store, rows), np.mean(each, 0), rtol=1e-5, atol=1e-6)
    assert len({record.seed for record in run.record.members}) == MEMBERS
    assert [record.member for record in run.history] == [1] * 3 + [2] * 3 + [3] * 3
    table = predict(run, store, spread=True)
    spread = np.std(each, axis=0, ddof=1)
    if target == "y":
        np.testing.assert_allclose(table["spread_y"].to_numpy(), spread[:, 0], rtol=1e-4, atol=1e-6)
    else:
        assert table.column_names[-2:] == ["spread_probability_a", "spread_probability_b"]
        np.testing.assert_allclose(table["spread_probability_b"].to_numpy(), spread[:, 1], rtol=1e-3, atol=1e-6)


def test_the_first_member_is_the_model_alone(single, run):
    first = run.members[0].state_dict()
    assert all(torch.equal(value, first[name]) for name, value in single.model.state_dict().items())
    assert run.record.num_parameters == MEMBERS * single.record.num_parameters
    assert single.record.members == ()


def test_a_spread_needs_members(single):
    with pytest.raises(InputError, match="--ensemble 5"):
        predict(single, store_of(), spread=True)


def test_saved_and_loaded(tmp_path):
    store = store_of()
    run = quick(store, out=tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert predict(loaded, store).equals(predict(run, store))
    assert evaluate(loaded, store).metrics == evaluate(run, store).metrics
    assert loaded.history == run.history
    assert len(loaded.members) == MEMBERS


def test_streamed_sets_give_the_same(run):
    store = store_of()
    whole = predict(run, store, spread=True)
    streamed = predict(run, store, spread=True, memory_limit=4 * 8 * 4 * 5)
    for name in whole.column_names[1:]:
        np.testing.assert_allclose(streamed[name].to_numpy(), whole[name].to_numpy(), rtol=1e-4, atol=1e-5)


def test_resumed_members_are_not_fitted_again(run, tmp_path, monkeypatch):
    store = store_of()
    steps, step = [], torch.optim.AdamW.step

    def stopped(self) -> None:
        step(self)
        steps.append(1)
        if len(steps) == limit:
            raise RuntimeError("power cut")

    monkeypatch.setattr(torch.optim.AdamW, "step", stopped)
    limit = 26  # 6 steps an epoch: in the second epoch of the second member
    with pytest.raises(RuntimeError, match="power cut"):
        quick(store, out=tmp_path / "cut")
    limit, before = -1, len(steps)
    resumed = quick(store, out=tmp_path / "cut", resume=True)
    assert len(steps) - before == 6 * 3 * MEMBERS - 24
    assert resumed.record.weights_sha256 == run.record.weights_sha256
    assert [r.model_copy(update={"seconds": 0}) for r in resumed.history] == [
        r.model_copy(update={"seconds": 0}) for r in run.history
    ]


def test_a_run_can_be_given_more_members(run, tmp_path):
    store = store_of()
    quick(store, config=CONFIG.model_copy(update={"ensemble": 1}), out=tmp_path / "run")
    more = quick(store, out=tmp_path / "run", resume=True)
    assert more.record.weights_sha256 == run.record.weights_sha256


def test_ctrl_c_keeps_the_members_that_are_done(tmp_path, monkeypatch):
    store = store_of()
    steps, step = [], torch.optim.AdamW.step

    def interrupted(self) -> None:
        step(self)
        steps.append(1)
        if len(steps) == 37:  # of 15 for each member
            raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.AdamW, "step", interrupted)
    run = quick(store, out=tmp_path / "run")
    assert run.record.status == "interrupted"
    assert len(run.record.members) == len(run.members) == 2
    assert len(Run.load(tmp_path / "run").members) == 2
    done = quick(store, out=tmp_path / "run", resume=True)
    assert done.record.status == "finished"
    assert len(done.members) == MEMBERS


def test_estimators():
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 2, 1.0, (1 + i % 5, 2)) for i in range(23)]
    choices = {"depth": 2, "width": 8, "epochs": 2, "random_state": 0, "ensemble": 2}
    regressor = SetRegressor(**choices).fit(sets, [x.mean() for x in sets])
    assert len(regressor.run_.members) == 2
    assert regressor.predict(sets).shape == (23,)
    classifier = SetClassifier(**choices).fit(sets, ["low", "high"] * 11 + ["low"])
    np.testing.assert_allclose(classifier.predict_proba(sets).sum(1), 1)
