"""Numbers that are transformed before they are learned: domains, predictions in units, metrics, intervals."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score

import setwise
from setwise._checks import InputError
from setwise.estimators import SetRegressor
from setwise.fit.study import Study
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.targets import Number, Objective
from setwise.targets.choose import choose_kinds
from setwise.targets.metrics import score
from setwise.targets.simple import Table
from setwise.targets.transforms import TRANSFORMS, transform_of
from setwise.targets.words import TRANSFORMS as WORDS
from tests.fixtures.training import train

FORMULAS = {
    "log10": np.log10,
    "log2": np.log2,
    "ln": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "logit": lambda y: np.log(y / (1 - y)),
}
SHARES = np.array([1e-6, 0.03, 0.5, 0.97])


def store_of(levels, name="titer"):
    draw = np.random.default_rng(0)
    sets = [draw.normal(size=(3, 2)) for _ in levels]
    return read(sets, sets=pa.table({name: levels}))


def test_the_words_of_the_help_are_those_that_there_are():
    assert tuple(transform.word for transform in TRANSFORMS) == WORDS == tuple(FORMULAS)


@pytest.mark.parametrize("word", WORDS)
def test_forward_is_the_formula_and_back_undoes_it(word):
    y = SHARES if word == "logit" else np.array([1e-6, 0.5, 3.0, 2e6])
    transform = transform_of(word)
    assert transform.forward(y) == pytest.approx(FORMULAS[word](y))
    assert transform.undone(transform.forward(y)) == pytest.approx(y, rel=1e-9)
    far = transform.back(torch.tensor([-1e4, 1e4]))
    assert torch.isfinite(far).all()
    assert np.isfinite(transform.of_predictions(far.double().numpy())).all()


@pytest.mark.parametrize("word", WORDS)
def test_a_number_is_learned_transformed_and_judged_in_both(word):
    y = np.array([0.04, 0.2, np.nan, 0.5, 0.9])
    number, known = Number.fit("y", y, transform=word), y[~np.isnan(y)]
    want = FORMULAS[word](known)
    assert (number.mean, number.std) == pytest.approx((want.mean(), want.std()))
    outputs = torch.tensor(number.encode(y))[:, None]
    predicted = number.predict(outputs).numpy()
    assert predicted[:, 0] == pytest.approx(y, nan_ok=True)

    wrong = np.array([0.1, 0.3, 0.3, 0.4, 0.5])[:, None]
    found = score(Objective.join(number), wrong, y)
    transformed = FORMULAS[word](wrong[~np.isnan(y), 0])
    assert found[f"mse_{word}"] == pytest.approx(mean_squared_error(want, transformed))
    assert found[f"r2_{word}"] == pytest.approx(r2_score(want, transformed))
    assert found["mse"] == pytest.approx(mean_squared_error(known, wrong[~np.isnan(y), 0]))
    assert number.decisive == f"mse_{word}"
    assert number.loss_of(found) == pytest.approx(mean_squared_error(want, transformed) / want.var())


def test_a_constant_and_intervals_are_of_the_logarithm():
    number, y = Number.fit("y", np.array([1.0, 10.0, 1000.0]), transform="log10"), np.array([1.0, 10.0, 1000.0])
    table = Table(np.zeros((3, 1)), y, np.ones(3), np.zeros((2, 1)), None, 0)
    assert number.simple("constant", table) == pytest.approx(np.full((2, 1), 10 ** (4 / 3)))
    ends = number.ends(np.array([[100.0]]), 1.0)
    assert ends == pytest.approx(np.array([[10.0, 1000.0]]))
    assert number.misfits(np.array([[100.0]]), np.array([1.0])) == pytest.approx(2.0)
    held, words = number.held(np.array([[100.0], [100.0]]), np.array([1000.0, 1.0]), 1.5)
    assert held.tolist() == [True, False]
    assert "3 wide in log10" in words


@pytest.mark.parametrize(
    ("transform", "levels", "said"),
    [
        ({"titer": "log10"}, [1.0, 0.0, 5.0, -2.0], r"must be above zero for log10; 2 .*'1' \(0\), '3' \(-2\)"),
        ("ln", [1.0, 0.0, 5.0, 2.0], r"log1p takes zeros"),
        ("logit", [0.2, 0.4, 1.0, 0.3], r"between 0 and 1, both excluded, for logit; 1 of its values"),
        ("log3", [1.0, 2.0, 3.0, 4.0], r"the transform of 'titer' must be one of 'log10'"),
        ({"tier": "log10"}, [1.0, 2.0, 3.0, 4.0], r"transforms must be of targets, titer; got 'tier'"),
        ("log10", ["a", "b", "a", "b"], r"must hold numbers; that of set '0' is 'a'"),
    ],
)
def test_what_cannot_be_transformed_is_refused_by_name(transform, levels, said):
    with pytest.raises(InputError, match=said):
        train(store_of(levels), targets="titer", target_transform=transform, model="linear")


def test_a_transform_of_classes_is_refused():
    with pytest.raises(InputError, match=r"must be of a number; target 'titer' is of the kind 'classification'"):
        train(store_of([1.0, 2.0] * 4), targets="titer", task="classification", target_transform="log10")


def test_a_transform_of_classes_of_elements_is_refused():
    store = store_of([1.0, 2.0]).with_labels({"kind": ["a", "b", "a", "b", "a", "b"]})
    asked = {"targets": "kind", "of": "elements", "task": "classification", "target_transform": "log10"}
    with pytest.raises(InputError, match="must be of a number; target 'kind' is of the kind 'classification'"):
        train(store, **asked)


def test_a_run_keeps_its_transform_and_refuses_new_values_that_have_none(tmp_path):
    levels = (10.0 ** np.linspace(0, 4, 40)).tolist()
    choices = {"model": "deep-sets", "model_choices": {"depth": 2, "width": 8}, "test": 0.3, "validation": 0.3}
    config = FitConfig(epochs=1, ensemble=1, device="cpu")
    study = Study(targets="titer", target_transform="log10", coverage=0.5, config=config, **choices)
    run = setwise.train(store_of(levels), study, out=tmp_path / "run")
    assert run.test_predictions is not None
    assert {"mse_log10", "r2_log10", "mse", "mae", "r2"} == set(run.record.test[0].metrics)
    loaded = Run.load(tmp_path / "run")
    table = setwise.predict(loaded, store_of(levels)).to_pydict()
    low, middle, high = (np.array(table[f"{end}_titer"]) for end in ("lower", "predicted", "upper"))
    assert high / middle == pytest.approx(middle / low)
    assert (low > 0).all()
    with pytest.raises(InputError, match=r"must be above zero for log10; 1 .*'0' \(0\)"):
        setwise.evaluate(loaded, store_of([0.0, *levels[1:]]))


def test_runs_from_before_have_no_transform():
    assert json.loads(Number(target="y").model_dump_json())["transform"] is None
    assert Number.model_validate({"kind": "regression", "target": "y", "mean": 1.0, "std": 2.0}).transform is None


def test_an_estimator_learns_transformed_numbers(tmp_path):
    draw = np.random.default_rng(0)
    sets = [draw.normal(size=(3, 2)) for _ in range(40)]
    y = np.array([10 ** x[:, 0].mean() for x in sets])
    regressor = SetRegressor("linear", target_transform="log10", coverage=0.5, random_state=0).fit(sets, y)
    assert (regressor.predict(sets) > 0).all()
    assert r2_score(np.log10(y), np.log10(regressor.predict(sets))) > 0.9
    ends, middle = regressor.predict_interval(sets), regressor.predict(sets)
    assert ends[:, 1] / middle == pytest.approx(middle / ends[:, 0])
    again = SetRegressor.load(regressor.save(tmp_path / "run").run_.path)
    assert again.target_transform == "log10"
    assert again.predict(sets) == pytest.approx(regressor.predict(sets))


def test_a_time_to_an_event_has_no_transform():
    store = store_of([1.0, 2.0])
    store = store.with_sets(store.sets.append_column("died", pa.array([0, 1] * (len(store) // 2))))
    with pytest.raises(InputError, match=r"'titer' has events.*Leave the transform out"):
        choose_kinds(store, ["titer"], events={"titer": "died"}, transforms={"titer": "log10"})
