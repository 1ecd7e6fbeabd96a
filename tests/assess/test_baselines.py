"""Summaries and what is fitted on them."""

import numpy as np
import pytest

from setwise.assess.baselines import baseline_predictions
from setwise.assess.summaries import QUANTILES, summaries
from setwise.readers.read import read
from setwise.runs.record import TestRow
from setwise.targets import Classes, Number, Objective, Ordinal
from setwise.targets.metrics import score


def baseline_rows(objective, *, truth, **more):
    """Measure the baselines on the held-out truth."""
    predicted = baseline_predictions(objective, truth=truth[0], **more)
    return [TestRow(name=name, metrics=score(objective, values, truth[1])) for name, values in predicted.items()]


def test_summaries_are_moments_and_quantiles_of_each_set():
    sets = [np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]]), np.array([[7.0, 0.0]])]
    table = summaries(read(sets), [1, 0], covariates=np.array([[30.0], [40.0]]))
    assert table.shape == (2, 1 + 2 * (3 + len(QUANTILES)) + 1)
    x = sets[0][:, 0]
    skewness = ((x - 3) ** 3).mean() / x.std() ** 3
    want = [np.log(3), 3, 5, x.std(), 0, skewness, 0, *np.quantile(sets[0], QUANTILES, axis=0).ravel(), 40]
    np.testing.assert_allclose(table[1], want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(table[0, :7], [0, 7, 0, 0, 0, 0, 0], atol=1e-12)
    assert table[0, -1] == 30


def test_very_many_features_keep_mean_and_spread():
    store = read([np.ones((2, 500)), np.zeros((3, 500))])
    assert summaries(store, [0, 1]).shape == (2, 1 + 2 * 500)


def test_regression_baselines_find_what_is_there():
    draw = np.random.default_rng(0)
    x, new = draw.normal(size=(97, 5)), draw.normal(size=(31, 5))
    objective = Objective.join(Number(target="a"), Number(target="b"))
    truth = [np.stack([z[:, 0] * 3, z[:, 1]], axis=1) for z in (x, new)]
    rows = baseline_rows(objective, summaries=(x, new), truth=(truth[0], truth[1]), seed=0)
    metrics = {row.name: row.metrics for row in rows}
    errors = np.square(truth[1] - truth[0].mean(0)).mean(0)
    assert [metrics["constant"][f"mse_{target}"] for target in "ab"] == pytest.approx(errors.tolist())
    assert metrics["ridge"]["r2"] > 0.999
    assert metrics["gradient boosting"]["r2"] > 0.7


@pytest.mark.parametrize("num_sets", [97, 2101])
def test_classification_baselines_find_what_is_there(num_sets):
    draw = np.random.default_rng(0)
    x, new = draw.normal(size=(num_sets, 5)), draw.normal(size=(31, 5))
    objective = Objective.join(Classes(target="y", classes=("a", "b", "c")))
    truth = [np.digitize(z[:, 0], [-0.5, 0.5]) for z in (x, new)]
    commonest = np.bincount(truth[0]).argmax()
    rows = baseline_rows(objective, summaries=(x, new), truth=(truth[0], truth[1]), seed=0)
    metrics = {row.name: row.metrics for row in rows}
    assert metrics["constant"]["accuracy"] == pytest.approx((truth[1] == commonest).mean())
    assert metrics["logistic regression"]["accuracy"] > 0.85
    assert metrics["gradient boosting"]["accuracy"] > 0.9


@pytest.mark.parametrize("num_sets", [2, 3])
def test_baselines_of_very_few_sets_are_numbers(num_sets):
    x, new = np.arange(num_sets * 3.0).reshape(num_sets, 3), np.ones((1, 3))
    one = Objective.join(Number(target="a"))
    two = Objective.join(Classes(target="y", classes=("a", "b")))
    for objective, truth, held_out in (
        (one, np.arange(num_sets)[:, None] * 1.0, np.ones((1, 1))),
        (two, np.arange(num_sets) % 2, np.array([1])),
    ):
        rows = baseline_rows(objective, summaries=(x, new), truth=(truth, held_out), seed=0)
        assert all(np.isfinite(value) for row in rows for value in row.metrics.values())


def test_each_target_has_baselines_fitted_on_the_sets_that_have_it():
    draw = np.random.default_rng(0)
    x, new = draw.normal(size=(97, 5)), draw.normal(size=(31, 5))
    objective = Objective.join(Number(target="a"), Ordinal(target="b", classes=("1", "2", "3")))
    truth = [np.stack([z[:, 0] * 3, np.digitize(z[:, 1], [-0.5, 0.5])], axis=1) for z in (x, new)]
    truth[0][:40, 0] = np.nan
    truth[0][60:, 1] = np.nan
    covariates = (x[:, 4:], new[:, 4:])
    rows = baseline_rows(objective, summaries=(x, new), truth=(truth[0], truth[1]), covariates=covariates, seed=0)
    metrics = {row.name: row.metrics for row in rows}
    assert list(metrics) == ["constant", "covariates alone", "ridge and logistic regression", "gradient boosting"]
    assert metrics["ridge and logistic regression"]["r2_a"] > 0.99
    assert metrics["ridge and logistic regression"]["accuracy_b"] > 0.8
    assert metrics["covariates alone"]["r2_a"] < 0.2
    assert metrics["constant"]["mse_a"] == pytest.approx(np.square(truth[1][:, 0] - truth[0][40:, 0].mean()).mean())


def test_weights_move_the_constant():
    x, y = np.zeros((3, 2)), np.array([0.0, 0.0, 6.0])
    objective = Objective.join(Number(target="a"))
    weights = np.array([1.0, 1.0, 0.0])
    held_out = np.array([[0.0]])
    rows = baseline_rows(objective, summaries=(x, x[:1]), truth=(y, held_out), weights=weights, seed=0)
    assert rows[0].metrics["mse"] == 0.0
