"""Formulas agree with scikit-learn, ties and single classes included."""

import numpy as np
import pytest
from sklearn import metrics

from setwise.metrics import formulas


@pytest.mark.parametrize("seed", range(7))
def test_errors_of_numbers_agree_with_scikit_learn(seed):
    truth, predicted = np.random.default_rng(seed).normal(size=(2, 23 + 6 * seed))
    assert formulas.squared_error(truth, predicted) == pytest.approx(metrics.mean_squared_error(truth, predicted))
    assert formulas.absolute_error(truth, predicted) == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert formulas.r2(truth, predicted) == pytest.approx(metrics.r2_score(truth, predicted))


def classes_and_shares(seed, classes=3):
    """Draw class numbers, and predicted probabilities of which the first are sure, and wrong."""
    draw, count = np.random.default_rng(seed), 23 + 6 * seed
    number, shares = draw.integers(classes, size=count), draw.dirichlet([0.3] * classes, count)
    shares[0] = np.eye(classes)[(number[0] + 1) % classes]
    return number, shares


@pytest.mark.parametrize("seed", range(7))
def test_metrics_of_classes_agree_with_scikit_learn(seed):
    number, shares = classes_and_shares(seed)
    loss = metrics.log_loss(number, shares, labels=np.arange(3))
    assert formulas.cross_entropy(number, shares) == pytest.approx(loss)
    named = shares.argmax(1)
    assert formulas.accuracy(number, named) == pytest.approx(metrics.accuracy_score(number, named))


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("ties", [False, True])
def test_metrics_of_two_classes_agree_with_scikit_learn(seed, ties):
    number, shares = classes_and_shares(seed)
    two, scores = number == 1, np.round(shares[:, 1], 1) if ties else shares[:, 1]
    assert formulas.auc(two, scores) == pytest.approx(metrics.roc_auc_score(two, scores))
    assert formulas.average_precision(two, scores) == pytest.approx(metrics.average_precision_score(two, scores))
    guess = (scores > 0.4).astype(int)
    assert formulas.f1(two.astype(int), guess) == pytest.approx(metrics.f1_score(two, guess))


def test_nothing_found():
    assert formulas.f1(np.array([1, 0]), np.array([0, 0])) == 0
    assert formulas.auc(np.array([1, 0]), np.array([0.5, 0.5])) == 0.5
