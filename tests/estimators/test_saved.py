"""Estimators saved and loaded, explained and reported."""

import datetime as dt

import numpy as np
import pytest

from setwise import SetClassifier, SetElementClassifier, SetRegressor, predict, read
from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.fit.train import train

FAST = {"model": "linear", "ensemble": 1, "random_state": 0}


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    return [rng.normal(i % 2, 1, (3 + i % 5, 2)).astype(np.float32) for i in range(40)]


@pytest.mark.parametrize("labels", [(0, 1), ("no", "yes"), (False, True), (1.0, 2.0)])
def test_a_classifier_comes_back_whole(sets, labels, tmp_path):
    y = [labels[i % 2] for i in range(40)]
    weights = dict(zip(labels, (1.0, 2.0), strict=True))
    fitted = SetClassifier(**FAST, class_weight=weights).fit(sets, y).save(tmp_path / "run")
    again = SetClassifier.load(tmp_path / "run")
    assert again.get_params() == fitted.get_params()
    assert again.classes_.dtype == fitted.classes_.dtype
    np.testing.assert_array_equal(again.predict(sets), fitted.predict(sets))
    np.testing.assert_array_equal(again.predict_proba(sets), fitted.predict_proba(sets))
    assert again.score(sets, y) == fitted.score(sets, y)
    assert again.n_features_in_ == 2
    assert len(predict(tmp_path / "run", read(sets))) == 40
    with pytest.raises(InputError, match="must hold a SetRegressor; it holds a SetClassifier"):
        SetRegressor.load(tmp_path / "run")
    with pytest.raises(InputError, match="holds a run already"):
        SetClassifier(**FAST).fit(sets, y).save(tmp_path / "run")


@pytest.mark.parametrize("columns", [None, 2])
def test_a_regressor_comes_back_whole(sets, columns, tmp_path):
    y = np.array([x.mean() for x in sets]) if columns is None else np.array([x.mean(0) for x in sets])
    covariates = np.arange(80.0).reshape(40, 2)
    fitted = SetRegressor(**FAST).fit(sets, y, covariates=covariates).save(tmp_path / "run")
    again = SetRegressor.load(tmp_path / "run")
    np.testing.assert_array_equal(
        again.predict(sets, covariates=covariates), fitted.predict(sets, covariates=covariates)
    )
    fitted.fit(sets, y).save(tmp_path / "run", overwrite=True)
    np.testing.assert_array_equal(SetRegressor.load(tmp_path / "run").predict(sets), fitted.predict(sets))


def test_a_run_of_the_command_line_is_loaded(sets, tmp_path):
    y = ["no", "yes"] * 20
    table = {"set_id": [str(i) for i in range(40)], "y": y, "z": [float(x.mean()) for x in sets]}
    store = read(sets, sets=table)
    train(store, Study(targets="y", model="linear")).save(tmp_path / "y")
    train(store, Study(targets="z", model="linear")).save(tmp_path / "z")
    found = SetClassifier.load(tmp_path / "y")
    assert found.classes_.tolist() == ["no", "yes"]
    assert found.score(sets, y) > 0.7
    assert SetRegressor.load(tmp_path / "z").predict(sets).shape == (40,)
    for cls, name in ((SetRegressor, "y"), (SetClassifier, "z"), (SetElementClassifier, "y")):
        with pytest.raises(InputError, match=f"was not saved by a {cls.__name__}"):
            cls.load(tmp_path / name)
    with pytest.raises(InputError, match="no run directory"):
        SetClassifier.load(tmp_path / "nothing")
    (tmp_path / "y" / "estimator.json").write_text("{")
    with pytest.raises(InputError, match=r"estimator\.json is damaged"):
        SetClassifier.load(tmp_path / "y")


def test_what_json_cannot_hold_is_refused_before_anything_is_written(sets, tmp_path):
    y = np.array(["no", "yes"] * 20, dtype=object)
    fitted = SetClassifier("linear", random_state=np.random.RandomState(0)).fit(sets, y)
    fitted.save(tmp_path / "kept")
    again = SetClassifier.load(tmp_path / "kept")
    assert again.random_state is None  # the state has moved on
    assert again.predict(sets).dtype == object
    fitted.device = dt.date(2020, 1, 1)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(InputError, match="device must be text, numbers or truth values to be saved; it holds date"):
        fitted.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_explanations_and_reports(sets, tmp_path):
    y = ["no", "yes"] * 20
    fitted = SetClassifier(**FAST).fit(sets, y)
    found = fitted.explain(sets, only=["3"], draws=2, orders=2)
    assert found.scores.num_rows == len(sets[3])
    page = fitted.report(sets, y, tmp_path / "run")
    assert page == tmp_path / "run" / "report.html"
    assert "SetClassifier" in page.read_text(encoding="utf-8")
    regressor = SetRegressor(**FAST).fit(sets, [x.mean() for x in sets])
    assert regressor.report(sets, [x.mean() for x in sets], tmp_path / "other").is_file()
    assert regressor.explain(sets, only=["1", "2"], draws=2, orders=2).sets.num_rows == 2
