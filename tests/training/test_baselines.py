"""Summaries and what is fitted on them."""

import numpy as np
import pytest

from setwise.data import read
from setwise.training.baselines import baseline_rows, constant_prediction
from setwise.training.objectives import Classification, Regression
from setwise.training.summaries import QUANTILES, summaries


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
    objective = Regression(targets=("a", "b"), mean=(0.0, 0.0), std=(1.0, 1.0))
    truth = [np.stack([z[:, 0] * 3, z[:, 1]], axis=1) for z in (x, new)]
    constant = constant_prediction(objective, truth[0])
    np.testing.assert_allclose(constant, truth[0].mean(0))
    rows = baseline_rows(objective, summaries=(x, new), truth=(truth[0], truth[1]), constant=constant, seed=0)
    metrics = {row.name: row.metrics for row in rows}
    assert metrics["constant"]["mse"] == pytest.approx(np.square(truth[1] - truth[0].mean(0)).mean())
    assert metrics["ridge"]["r2"] > 0.999
    assert metrics["gradient boosting"]["r2"] > 0.7


@pytest.mark.parametrize("num_sets", [97, 2101])
def test_classification_baselines_find_what_is_there(num_sets):
    draw = np.random.default_rng(0)
    x, new = draw.normal(size=(num_sets, 5)), draw.normal(size=(31, 5))
    objective = Classification(target="y", classes=("a", "b", "c"))
    truth = [np.digitize(z[:, 0], [-0.5, 0.5]) for z in (x, new)]
    constant = constant_prediction(objective, truth[0])
    np.testing.assert_allclose(constant, [(truth[0] == k).mean() for k in range(3)])
    rows = baseline_rows(objective, summaries=(x, new), truth=(truth[0], truth[1]), constant=constant, seed=0)
    metrics = {row.name: row.metrics for row in rows}
    assert metrics["constant"]["accuracy"] == pytest.approx((truth[1] == constant.argmax()).mean())
    assert metrics["logistic regression"]["accuracy"] > 0.85
    assert metrics["gradient boosting"]["accuracy"] > 0.9


@pytest.mark.parametrize("num_sets", [2, 3])
def test_baselines_of_very_few_sets_are_numbers(num_sets):
    x, new = np.arange(num_sets * 3.0).reshape(num_sets, 3), np.ones((1, 3))
    one = Regression(targets=("a",), mean=(0.0,), std=(1.0,))
    two = Classification(target="y", classes=("a", "b"))
    for objective, truth, held_out in (
        (one, np.arange(num_sets)[:, None] * 1.0, np.ones((1, 1))),
        (two, np.arange(num_sets) % 2, np.array([1])),
    ):
        constant = constant_prediction(objective, truth)
        rows = baseline_rows(objective, summaries=(x, new), truth=(truth, held_out), constant=constant, seed=0)
        assert all(np.isfinite(value) for row in rows for value in row.metrics.values())
