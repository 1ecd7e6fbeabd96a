"""Runs with coverage and temperatures: parts that serve one purpose, what is promised, what is found."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.assess.evaluate import evaluate
from setwise.metrics.calibration import fit_temperature
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.element_outputs import element_outputs
from setwise.runs.outputs import outputs_for
from setwise.runs.predict import predict
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets import Classes, Number, Objective
from setwise.targets.conformal import Conformal, with_calibration
from tests.fixtures.training import train

CONFIG = FitConfig(epochs=3, device="cpu", batch_size=11, ensemble=1)


def store_of(count: int = 203):
    draw = np.random.default_rng(0)
    sets = [draw.normal(draw.normal(), 1.0, (3, 2)) for _ in range(count)]
    level = [float(x.mean() + draw.normal()) for x in sets]
    kinds = [("low", "high")[y > 0] for y in level]
    patients = [f"p{i // 2}" for i in range(count)]
    return read(sets, sets=pa.table({"y": level, "kind": kinds, "patient": patients}))


def quick(store, *targets, **more) -> Run:
    choices = {"depth": 2, "width": 8}
    return train(store, targets=targets, model_choices=choices, config=CONFIG, baselines=False, **more)


@pytest.fixture(scope="module")
def store() -> SetStore:
    return store_of()


@pytest.fixture(scope="module")
def promised(store, tmp_path_factory) -> Run:
    """Fit a number and a class with intervals and sets of classes."""
    out = tmp_path_factory.mktemp("promised") / "run"
    return quick(store, "y", "kind", validation=0.4, test=0.4, coverage=0.8, out=out)


def held_by(run: Run, store: SetStore) -> np.ndarray:
    """Return which intervals of the test sets hold the truth."""
    table, rows = predict(run, store), rows_of_test_sets(run, store)
    y, low, high = (np.array(t)[rows] for t in (store.sets["y"], table["lower_y"], table["upper_y"]))
    return (low <= y) & (y <= high)


def rows_of_test_sets(run: Run, store: SetStore) -> list[int]:
    return [store.set_ids.index(name) for name in run.record.split.test]


def test_half_of_the_validation_sets_calibrate_and_do_nothing_else(promised):
    split = promised.record.split
    assert not set(split.calibration) & {*split.train, *split.validation, *split.test}
    assert abs(len(split.calibration) - len(split.validation)) <= 1


def test_intervals_hold_what_they_promise(store, promised):
    held = held_by(Run.load(promised.path), store)
    assert 0.68 <= held.mean() <= 0.92  # 81 test sets, 41 to calibrate: 0.8 give or take two standard errors


def test_sets_of_classes_hold_what_they_promise(store, promised):
    table, rows = predict(Run.load(promised.path), store), rows_of_test_sets(promised, store)
    said = np.array(table["classes_kind"].to_pylist())[rows]
    right = [kind in text.split(" | ") for kind, text in zip(np.array(store.sets["kind"])[rows], said, strict=True)]
    assert np.mean(right) >= 0.68


def test_the_record_tells_how_many_intervals_hold_the_truth(store, promised):
    held = held_by(promised, store)
    told = " ".join(promised.record.notes)
    assert f"hold the truth for {held.sum()} of {len(held)} held-out sets" in told


def test_an_evaluation_has_intervals(store, promised):
    found = evaluate(promised, store)
    assert "lower_y" in found.predictions.column_names
    assert any("80% intervals of y" in note for note in found.notes)


def test_many_sets_of_few_groups_promise_nothing():
    few = store_of(31)
    few = few.with_sets(few.sets.append_column("group", pa.array([f"g{i // 8}" for i in range(31)])))
    conformal = quick(few, "y", validation=0.5, test=0.2, coverage=0.8).record.conformal
    assert conformal is not None
    assert (conformal.units, conformal.counts, conformal.quantiles) == ("groups", (1,), (None,))


def test_notes_say_that_groups_count_alike():
    many = store_of(31)
    many = many.with_sets(many.sets.append_column("group", many.sets["patient"]))
    run = quick(many, "y", validation=0.5, test=0.2, coverage=0.5)
    told = " ".join(run.record.notes)
    assert "each group counting alike" in told
    assert "exact 95% interval" not in told
    assert "calibration groups" in told
    found = evaluate(run, many)
    split = run.record.split
    assert found.known_sets == len({*split.train, *split.validation, *split.calibration})
    assert any("each group counting alike" in note for note in found.notes)


def test_each_group_has_one_voice():
    """Sets of a group err together."""
    owners = np.repeat(np.arange(20), [200, *[1] * 19])
    objective, truth = Objective.join(Number(target="y")), np.where(owners == 0, 0.1, 1.0)[:, None]
    grouped = Conformal.fit(objective, np.zeros((219, 1)), truth, 0.9, owners=owners, units="groups")
    assert grouped.quantiles == (1.0,)
    assert Conformal.fit(objective, np.zeros((219, 1)), truth, 0.9).quantiles == (0.1,)


def test_too_few_sets_promise_nothing():
    run = quick(store_of(31), "y", coverage=0.9)
    assert run.record.conformal is not None
    assert run.record.conformal.quantiles == (None,)
    assert "need 9 calibration sets at least; got" in " ".join(run.record.notes)
    assert predict(run, store_of(7))["lower_y"].to_pylist() == [None] * 7


def test_groups_are_not_divided():
    groups = np.array([f"p{i // 3}" for i in range(30)])
    split = Split(np.arange(12), np.arange(12, 24), np.arange(24, 30))
    left, kept = with_calibration(split, groups, seed=0)
    assert sorted([*left.validation, *kept]) == list(range(12, 24))
    assert not set(groups[left.validation]) & set(groups[kept])
    assert len(left.validation) == 6


def test_temperatures_are_those_of_the_validation_part():
    store = store_of(97)
    plain, tempered = (quick(store, "kind", validation=0.15, calibrate=wanted) for wanted in (False, True))
    rows = np.flatnonzero(np.isin(store.set_ids, tempered.record.split.validation))
    outputs = outputs_for(plain, store, rows).numpy()
    truth = plain.objective.truth(np.array(store.sets["kind"].to_pylist(), dtype=object)[rows, None])[:, 0].astype(int)
    head = tempered.objective.targets[0]
    assert isinstance(head, Classes)
    assert head.temperature == pytest.approx(fit_temperature(outputs, truth))
    before, after = (np.array(predict(run, store)["probability_low"]) for run in (plain, tempered))
    log_odds = [np.log(p / (1 - p)) for p in (before, after)]
    np.testing.assert_allclose(log_odds[0] / head.temperature, log_odds[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "words"), [(20, "carry no information"), (0, "No temperature was fitted"), (5, "are tempered by")]
)
def test_what_temperatures_mean_is_told(wrong, words):
    """So many of 20 validation sets have labels that contradict those of the training sets."""
    draw = np.random.default_rng(0)
    level = np.where(np.arange(60) % 2, 3.0, -3.0)
    sets = [draw.normal(x, 0.1, (3, 2)) for x in level]
    says = np.where(np.arange(60) >= 60 - wrong, -level, level) > 0
    store = read(sets, sets=pa.table({"kind": np.where(says, "high", "low").tolist()}))
    split = Split(np.arange(40), np.arange(40, 60), np.arange(0))
    config = CONFIG.model_copy(update={"epochs": 15, "learning_rate": 1e-2})
    choices = {"depth": 2, "width": 8}
    run = train(store, targets="kind", split=split, config=config, calibrate=True, model_choices=choices)
    (note,) = run.record.notes
    assert words in note
    assert "20 validation sets" in note
    (head,) = run.objective.targets
    assert isinstance(head, Classes)
    assert (head.temperature == 1) == (wrong == 0)
    spread = np.ptp(predict(run, store)["probability_high"].to_numpy())
    assert spread < 0.3 if wrong == 20 else spread > 0.3


def test_refusals():
    with pytest.raises(InputError, match="between 0 and 1"):
        quick(store_of(31), "y", coverage=90.0)
    with pytest.raises(InputError, match="--validation"):
        quick(store_of(31), "kind", validation=0.0, calibrate=True)


def elements_of(count: int = 83):
    """Draw sets whose elements share an error, with a number and a class of each element, some missing."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(0, 1.0, (2 + i % 5, 2)) for i in range(count)]
    y = np.concatenate([x[:, 0] + draw.normal() + 0.2 * draw.normal(size=len(x)) for x in sets])
    kinds = np.where(y > 0, "high", "low").astype(object)
    kinds[::7] = None
    return read(sets).with_labels({"y": y, "kind": kinds})


@pytest.fixture(scope="module")
def elements() -> SetStore:
    return elements_of()


@pytest.fixture(scope="module")
def promised_of_elements(elements, tmp_path_factory) -> Run:
    """Fit a number and a class of elements with intervals, sets of classes and temperatures."""
    out, choices = tmp_path_factory.mktemp("elements") / "run", {"coverage": 0.8, "calibrate": True}
    return quick(elements, "y", "kind", of="elements", validation=0.4, test=0.4, **choices, out=out)


def predicted_for_test_sets(run: Run, store: SetStore):
    """Return the data frame of predictions for elements of the test sets, beside the truth."""
    table = predict(run, store).to_pandas().assign(y=store.labels["y"].to_numpy())
    return table[table["set_id"].isin(run.record.split.test)]


def test_sets_calibrate_the_intervals_of_their_elements(promised_of_elements):
    conformal = promised_of_elements.record.conformal
    assert conformal is not None
    assert conformal.counts == (len(promised_of_elements.record.split.calibration),) * 2


def test_elements_of_held_out_sets_are_held_as_often_as_promised(elements, promised_of_elements):
    table = predicted_for_test_sets(Run.load(promised_of_elements.path), elements)
    held = (table["lower_y"] <= table["y"]) & (table["y"] <= table["upper_y"])
    share = held.groupby(table["set_id"]).mean().mean()
    assert 0.6 <= share < 1
    told = " ".join(promised_of_elements.record.notes)
    assert f"hold the truth for {share:.0%} of the elements of the held-out sets, each set counting alike" in told


def test_notes_say_that_elements_are_no_witnesses(promised_of_elements):
    told = " ".join(promised_of_elements.record.notes)
    assert "elements of the validation sets" in told
    assert "exact 95% interval" not in told, "elements of a set are no independent witnesses"


def test_sets_of_classes_of_elements_name_the_classes(elements, promised_of_elements):
    table = predicted_for_test_sets(promised_of_elements, elements)
    assert {word for text in table["classes_kind"] for word in text.split(" | ")} <= {"high", "low"}


def test_an_evaluation_of_elements_has_intervals(elements, promised_of_elements):
    found = evaluate(promised_of_elements, elements)
    assert "lower_y" in found.predictions.column_names
    assert any("80% intervals of y" in note for note in found.notes)


def test_temperatures_of_elements_are_those_of_their_validation_sets(elements):
    store = elements
    run = quick(store, "kind", of="elements", validation=0.3, calibrate=True)
    (head,) = run.objective.targets
    assert isinstance(head, Classes)
    rows = np.array([store.set_ids.index(name) for name in run.record.split.validation])
    outputs = np.concatenate([found.double().numpy() for _, found in element_outputs(run, store, rows)])
    labels = [store.labels["kind"][place].as_py() for place in store.positions(rows).tolist()]
    known = [label is not None for label in labels]
    truth = np.array([head.classes.index(label) for label in labels if label is not None])
    assert head.temperature == pytest.approx(fit_temperature(outputs[known], truth))
    assert head.temperature != 1


def test_temperatures_of_elements_ask_for_validation_sets(elements):
    with pytest.raises(InputError, match="--validation"):
        quick(elements, "kind", of="elements", validation=0.0, calibrate=True)
