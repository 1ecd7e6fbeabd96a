"""Metrics against arithmetic by hand."""

import numpy as np
import pytest

from setwise.training.metrics import score
from setwise.training.objectives import Classification, Regression


def test_one_target():
    objective = Regression(targets=("y",), mean=(0.0,), std=(1.0,))
    truth, predicted = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [4.0], [5.0]])
    metrics = score(objective, predicted, truth)
    assert metrics == pytest.approx({"mse": 5 / 3, "mae": 1.0, "r2": 1 - 5 / 14})


def test_several_targets_have_metrics_each_and_their_mean():
    objective = Regression(targets=("y", "z"), mean=(0.0, 0.0), std=(1.0, 1.0))
    truth, predicted = np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([[1.0, 1.0], [3.0, 1.0]])
    assert score(objective, predicted, truth) == pytest.approx(
        {
            "mse": 0.5, "mae": 0.5, "r2": 0.5,
            "mse_y": 0.0, "mae_y": 0.0, "r2_y": 1.0,
            "mse_z": 1.0, "mae_z": 1.0, "r2_z": 0.0,
        }
    )  # fmt: skip


@pytest.mark.parametrize("truth", [[[2.0]], [[2.0], [2.0]]])
def test_r2_is_left_out_where_it_is_not_defined(truth):
    objective = Regression(targets=("y",), mean=(0.0,), std=(1.0,))
    assert set(score(objective, np.zeros((len(truth), 1)), np.array(truth))) == {"mse", "mae"}


def test_two_classes():
    objective = Classification(target="y", classes=("a", "b"))
    predicted = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    metrics = score(objective, predicted, np.array([0, 0, 1, 1]))
    entropy = -np.log([0.8, 0.4, 0.3, 0.9]).mean()
    assert metrics == pytest.approx({"cross_entropy": entropy, "accuracy": 0.5, "auc": 0.75})


def test_auc_of_several_classes_takes_those_present():
    objective = Classification(target="y", classes=("a", "b", "c"))
    predicted = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
    assert score(objective, predicted, np.array([0, 1, 1]))["auc"] == pytest.approx(1.0)
    assert "auc" not in score(objective, predicted, np.array([1, 1, 1]))
