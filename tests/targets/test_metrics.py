"""Metrics against arithmetic by hand and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, f1_score, hamming_loss

from setwise.runs.held_out import HeldOut
from setwise.targets import Classes, Number, Objective, Ordinal
from setwise.targets.metrics import score, undefined

ONE = Objective.join(Number(target="y"))
TWO = Objective.join(Classes(target="y", classes=("a", "b")))
STAGE = Objective.join(Ordinal(target="stage", classes=("I", "II", "III")))


def test_one_target():
    truth, predicted = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [4.0], [5.0]])
    assert score(ONE, predicted, truth) == pytest.approx({"mse": 5 / 3, "mae": 1.0, "r2": 1 - 5 / 14})


def test_several_numbers_have_metrics_each_and_a_loss_without_a_unit():
    objective = Objective.join(Number(target="y"), Number(target="z", std=2.0))
    truth, predicted = np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([[1.0, 1.0], [3.0, 1.0]])
    assert score(objective, predicted, truth) == pytest.approx(
        {
            "loss": (0.0 + 1.0 / 2**2) / 2, "r2": 0.5,
            "mse_y": 0.0, "mae_y": 0.0, "r2_y": 1.0,
            "mse_z": 1.0, "mae_z": 1.0, "r2_z": 0.0,
        }
    )  # fmt: skip
    assert objective.decisive.key == "loss"


def test_targets_of_different_kinds_have_no_means_but_the_loss():
    objective = Objective.join(Number(target="dose", std=2.0), *TWO.targets, *STAGE.targets)
    predicted = np.array([[1.0, 0.8, 0.2, 0.2, 0.5, 0.3], [5.0, 0.4, 0.6, 0.1, 0.1, 0.8]])
    truth = np.array([[2.0, 0.0, 2.0], [5.0, 0.0, np.nan]])
    metrics = score(objective, predicted, truth)
    entropies = -np.log([0.8, 0.4]).mean(), -np.log(0.3)
    assert metrics["loss"] == pytest.approx((0.5 / 4 + sum(entropies)) / 3)
    assert {name for name in metrics if not name.endswith(("_dose", "_y", "_stage"))} == {"loss"}
    truth[:, 1:] = np.nan
    assert score(objective, predicted, truth)["loss"] == pytest.approx(0.5 / 4)
    assert score(objective, predicted, np.full((2, 3), np.nan)) == {}


@pytest.mark.parametrize("truth", [[[2.0]], [[2.0], [2.0]]])
def test_r2_is_left_out_where_it_is_not_defined(truth):
    assert set(score(ONE, np.zeros((len(truth), 1)), np.array(truth))) == {"mse", "mae"}


def test_two_classes():
    predicted = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9], [0.2, 0.8]])
    metrics = score(TWO, predicted, np.array([0, 0, 1, 1, 1]))
    entropy = -np.log([0.8, 0.4, 0.3, 0.9, 0.8]).mean()
    assert metrics == pytest.approx(
        {"cross_entropy": entropy, "accuracy": 0.6, "balanced_accuracy": (1 / 2 + 2 / 3) / 2, "auc": 5 / 6}
    )


def test_auc_of_several_classes_takes_those_present():
    objective = Objective.join(Classes(target="y", classes=("a", "b", "c")))
    predicted = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
    assert score(objective, predicted, np.array([0, 1, 1]))["auc"] == pytest.approx(1.0)
    assert "auc" not in score(objective, predicted, np.array([1, 1, 1]))


def test_classes_in_order():
    draw = np.random.default_rng(0)
    predicted, truth = draw.dirichlet(np.ones(3), 41), draw.integers(0, 3, 41)
    metrics = score(STAGE, predicted, truth.astype(float)[:, None])
    best = (predicted.cumsum(1) < 0.5).sum(1)
    assert metrics["kappa"] == pytest.approx(cohen_kappa_score(truth, best, weights="quadratic"))
    assert metrics["rank_error"] == pytest.approx(np.abs(truth - best).mean())
    assert "kappa" not in score(STAGE, np.tile([0.0, 1.0, 0.0], (2, 1)), np.array([[1.0], [1.0]]))


def test_labels_agree_with_scikit_learn():
    draw = np.random.default_rng(0)
    names = ["wren", "jay", "owl"]
    objective = Objective.join(*(Classes(target=name, classes=("0", "1")) for name in names))
    truth, positive = draw.integers(0, 2, (43, 3)), draw.uniform(size=(43, 3))
    predicted = np.stack([1 - positive, positive], axis=2).reshape(43, 6)
    metrics = score(objective, predicted, truth.astype(float))
    named = (positive > 0.5).astype(int)
    assert metrics["hamming_loss"] == pytest.approx(hamming_loss(truth, named))
    assert metrics["macro_f1"] == pytest.approx(f1_score(truth, named, average="macro"))
    assert metrics["micro_f1"] == pytest.approx(f1_score(truth, named, average="micro"))
    assert metrics["mean_average_precision"] == pytest.approx(average_precision_score(truth, positive))
    assert metrics["f1_jay"] == pytest.approx(f1_score(truth[:, 1], named[:, 1]))
    known = truth.astype(float)
    known[:40, 2] = np.nan
    again = score(objective, predicted, known)
    assert again["average_precision_wren"] == pytest.approx(metrics["average_precision_wren"])
    assert again["micro_f1"] != pytest.approx(metrics["micro_f1"])


def test_missing_labels_are_left_out_and_absent_ones_are_said():
    objective = Objective.join(Number(target="y"), Classes(target="k", classes=("a", "b")))
    predicted = np.array([[1.0, 0.9, 0.1], [5.0, 0.8, 0.2], [7.0, 0.3, 0.7]])
    truth = np.array([[2.0, 0.0], [np.nan, 0.0], [7.0, np.nan]])
    metrics = score(objective, predicted, truth)
    assert metrics["mse_y"] == pytest.approx(0.5)
    assert metrics["accuracy_k"] == 1.0
    assert "auc_k" not in metrics
    (said,) = undefined(objective, truth)
    assert said.startswith("AUC of k is not defined, and accuracy says little: all 2 held-out sets are 'a'")
    truth[:, 1] = np.nan
    assert not any(name.endswith("_k") for name in score(objective, predicted, truth))
    assert undefined(objective, truth)[0].startswith("No held-out sets have a label of k")


def test_very_few_of_a_class_are_said():
    (said,) = undefined(TWO, np.array([0, 0, 0, 0, 1.0]))
    assert said.startswith("Of y the held-out sets hold only 1 'b'")
    assert undefined(TWO, np.array([0, 0, 0, 1, 1, 1.0])) == []


def test_nothing_known_has_no_metrics():
    labels = Objective.join(*(Classes(target=name, classes=("no", "yes")) for name in "ab"))
    assert score(labels, np.full((3, 4), 0.5), np.full((3, 2), np.nan)) == {}


def test_repeats_of_which_one_defines_a_metric():
    """Kappa has no value where all predictions and all truths are one; of several repeats it then has none."""
    one, other = np.array([[1.0, 0, 0]] * 4), np.array([[1.0, 0, 0]] * 3 + [[0, 1.0, 0]])
    held_out = HeldOut(STAGE, np.zeros((4, 1)), {"model": [other, one]}, np.arange(4))
    found = {metric for _, metric in held_out.measure(np.arange(4))}
    assert "accuracy" in found
    assert "kappa" not in found
