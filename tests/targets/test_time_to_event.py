"""A time to event from the table of sets to predictions, metrics and the report."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.assess.evaluate import evaluate
from setwise.explanations.config import ExplainConfig
from setwise.explanations.explain import explain
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.metrics.survival import kaplan_meier
from setwise.readers.read import read
from setwise.report.page import write_report
from setwise.runs.config import FitConfig
from setwise.runs.predict import predict
from setwise.runs.run import Run
from setwise.targets import Objective
from setwise.targets.time_to_event import TimeToEvent
from setwise.validate.cross_validation import cross_validate

SMALL = {"depth": 2, "width": 8}


@pytest.fixture(scope="module")
def store():
    """Sets whose means shorten the time; a third is censored."""
    generator = np.random.default_rng(0)
    means = generator.normal(size=90)
    sets = [generator.normal(mean, 1.0, (generator.integers(5, 20), 2)) for mean in means]
    times, until = generator.exponential(np.exp(-1.5 * means)), generator.exponential(2.0, 90)
    died = times <= until
    return read(sets, sets={"time": np.minimum(times, until) + 0.01, "died": died.astype(int)})


def _study(**choices):
    config = FitConfig(
        **{"epochs": 30, "batch_size": 32, "ensemble": 2, "learning_rate": 3e-3} | choices.pop("config", {})
    )
    return Study(targets="time", event="died", model_choices=SMALL, config=config, test=0.3, **choices)


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    return train(store, _study(), out=tmp_path_factory.mktemp("runs") / "run")


def test_a_run_ranks_sets_better_than_the_constant(run):
    rows = {row.name: row for row in run.record.test}
    assert list(rows) == ["deep-sets++", "constant", "Cox regression"]
    assert rows["constant"].metrics["concordance"] == 0.5
    assert rows["deep-sets++"].metrics["concordance"] > 0.65
    assert "concordance" in rows["deep-sets++"].intervals


def test_a_run_survives_its_directory(store, run):
    loaded = Run.load(run.path)
    assert loaded.objective == run.objective
    assert predict(loaded, store).equals(predict(run, store))


def test_predicted_survival_falls_between_one_and_zero(store, run):
    table = predict(run, store)
    (target,) = run.objective.targets
    assert isinstance(target, TimeToEvent)
    assert table.column_names == ["set_id", "risk_time", *(f"survival_time_{time:g}" for time in target.times)]
    survival = np.stack([table[name].to_numpy() for name in table.column_names[2:]], axis=1)
    assert ((survival > 0) & (survival < 1)).all()
    assert (np.diff(survival, axis=1) < 0).all()


def test_an_evaluation_keeps_times_and_events_beside_predictions(store, run):
    found = evaluate(Run.load(run.path), store)
    assert {"time", "died", "risk_time"} <= set(found.predictions.column_names)
    assert found.predictions["time"].to_numpy() == pytest.approx(store.sets["time"].to_numpy())
    assert found.predictions["died"].to_pylist() == [bool(x) for x in store.sets["died"].to_pylist()]


def test_survival_agrees_with_the_training_sets_on_the_whole(store, run):
    (target,) = run.objective.targets
    rows = [store.set_ids.index(name) for name in run.record.split.train]
    table = predict(run, store)
    risks = table["risk_time"].to_numpy()[rows]
    assert abs(risks.mean()) < 1e-5  # each member is centred
    times, died = store.sets["time"].to_numpy()[rows], store.sets["died"].to_numpy()[rows] == 1
    at, left = kaplan_meier(times, died)
    for moment in target.times:
        mean = table[f"survival_time_{moment:g}"].to_numpy()[rows].mean()
        assert mean == pytest.approx(left[at <= moment][-1], abs=0.1)


def test_the_report_and_an_explanation_know_it(store, run):
    page = write_report(run, store, command="setwise fit").read_text()
    assert "Kaplan" in page
    assert "concordance" in page
    found = explain(run, store, config=ExplainConfig(max_sets=2, orders=2, draws=2))
    assert found.answers.names[0] == "time"
    assert found.sets.num_rows == 2


@pytest.mark.slow
def test_cross_validation_deals_times_and_events_out_together(store):
    found = cross_validate(store, _study(config={"epochs": 3, "ensemble": 1}), folds=2, permutations=1)
    assert {row.name for row in found.measured.rows} == {"deep-sets++", "constant", "Cox regression"}
    assert found.objective.decisive.key == "concordance"
    assert found.permutation is not None
    assert 0 <= found.permutation.p_values["concordance"] <= 1


def test_missing_sets_are_in_no_risk_set():
    objective = Objective.join(TimeToEvent(target="time", event="died", share=0.5, times=(1.0,)))
    outputs, values = torch.tensor([[0.3], [-0.2], [5.0]]), np.array([2.0, -3.0, np.nan])
    alone = objective.losses(outputs[:2], objective.encode(values[:2]))
    beside = objective.losses(outputs, objective.encode(values))
    assert torch.allclose(beside[:2], alone)
    assert beside[2] == 0
    assert alone[0].item() == pytest.approx((np.log(np.exp(0.3) + np.exp(-0.2)) - 0.3) / 0.5, rel=1e-6)
    again = Objective.model_validate(json.loads(json.dumps(objective.to_dict())))
    assert again == objective


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"time": [1.0, 0.0, 2.0, 3.0]}, r"times 'time' must be above zero and finite; that of set '1' is 0"),
        ({"died": [1, 2, 0, 1]}, r"events 'died' must be 1 or true .* that of set '1' is '2'"),
        ({"died": [1, None, 0, 1]}, "column 'died' of the sets must have a value"),
        ({"time": [1.0, None, 2.0, 3.0]}, "column 'time' of the sets must have a finite value"),
        ({"died": [1, 0, 0, 0]}, "must have two events at least"),
        ({"time": [2.0, 2.0, 2.0, 2.0]}, "target 'time' must differ between sets"),
    ],
)
def test_odd_times_and_events_are_refused_by_name(columns, words):
    table = pa.table({"set_id": ["0", "1", "2", "3"], "time": [1.0, 3.0, 2.0, 4.0], "died": [1, 1, 0, 1]} | columns)
    store = read([np.ones((2, 1)) * i for i in range(4)]).with_sets(table)
    with pytest.raises(InputError, match=words):
        train(store, Study(targets="time", event="died", test=0.0, validation=0.0))


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"coverage": 0.9}, "much of which is not observed"),
        ({"calibrate": True}, "much of which is not observed"),
        ({"task": "regression"}, "events must be of a time to event"),
        ({"event": None, "task": "time-to-event"}, "Name the column that says so"),
        ({"covariates": ["died"]}, "is what is to be predicted"),
    ],
)
def test_what_does_not_go_with_it_is_refused(store, choices, words):
    with pytest.raises(InputError, match=words):
        train(store, Study(**{"targets": "time", "event": "died", "model_choices": SMALL} | choices))
