"""Intervals against scipy, formulas by hand, and simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from setwise.metrics.intervals import binomial, bootstrap, corrected_t


def test_bootstrap_agrees_with_scipy():
    x = np.random.default_rng(0).gamma(2.0, size=53)
    ours = bootstrap(lambda rows: {"mean": x[rows].mean()}, np.arange(53), draws=4000)
    theirs = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=4000, rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert ours.intervals["mean"] == pytest.approx((theirs.low, theirs.high), abs=0.05 * width)
    assert (ours.draws, ours.clusters, ours.defined["mean"]) == (4000, 53, 1.0)


def test_groups_are_drawn_whole():
    """Ten visits of a patient that say the same are one witness: the interval is that of the 17 patients."""
    of_patients = np.random.default_rng(0).normal(size=17)
    visits, patient = np.repeat(of_patients, 10), np.repeat(np.arange(17), 10)
    by_set = bootstrap(lambda rows: {"mean": visits[rows].mean()}, np.arange(170), draws=1000).intervals["mean"]
    by_group = bootstrap(lambda rows: {"mean": visits[rows].mean()}, patient, draws=1000).intervals["mean"]
    alone = bootstrap(lambda rows: {"mean": of_patients[rows].mean()}, np.arange(17), draws=1000).intervals["mean"]
    assert by_group == pytest.approx(alone)
    assert by_group[1] - by_group[0] > 2.5 * (by_set[1] - by_set[0])


def test_draws_of_one_class_are_left_out_and_counted():
    truth, score = np.array([1, 0, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3, 0.4])

    def measure(rows):
        found = {"accuracy": float(((score > 0.5) == truth)[rows].mean())}
        if len(np.unique(truth[rows])) > 1:
            found["auc"] = roc_auc_score(truth[rows], score[rows])
        return found

    found = bootstrap(measure, np.arange(5), draws=1000)
    assert found.defined["accuracy"] == 1
    without_the_one = (1 - 1 / 5) ** 5 + (1 / 5) ** 5
    assert found.defined["auc"] == pytest.approx(1 - without_the_one, abs=0.05)
    rare = bootstrap(lambda rows: {"found": 1.0} if (rows == 0).sum() > 2 else {}, np.arange(5), draws=1000)
    assert "found" not in rare.intervals
    assert 0 < rare.defined["found"] < 0.5


def test_one_cluster_has_no_interval():
    assert bootstrap(lambda _: {"mean": 1.0}, np.zeros(7)).intervals == {}


def test_intervals_cover():
    """Of 200 samples of 41 numbers, about 95% have an interval that holds the mean."""
    draw, hits = np.random.default_rng(0), 0
    for trial in range(200):
        x = draw.normal(3.0, 2.0, 41)
        low, high = bootstrap(lambda rows, x=x: {"m": x[rows].mean()}, np.arange(41), draws=300, seed=trial).intervals[
            "m"
        ]
        hits += low < 3.0 < high
    assert 0.89 <= hits / 200 <= 0.985


def test_exact_binomial_by_hand():
    low, high = binomial(8, 8)
    assert low == pytest.approx(0.025 ** (1 / 8))  # 8 of 8 by chance with probability 2.5%
    assert high == 1
    assert binomial(0, 5) == pytest.approx((0, 1 - 0.025 ** (1 / 5)))


def test_corrected_t_by_hand():
    differences = [0.1, 0.3, 0.2, 0.0, 0.4]
    variance = 0.1 / 4  # of 0.1, -0.1, 0, -0.2, 0.2 about the mean of 0.2
    half = 2.7764451 * math.sqrt((1 / 5 + 0.2 / 0.8) * variance)
    assert corrected_t(differences, tested=0.2) == pytest.approx((0.2 - half, 0.2 + half))
    repeated = corrected_t(differences * 100, tested=0.2)
    naive = 1.96 * math.sqrt(0.02 / 500)
    assert repeated is not None
    assert repeated[1] - repeated[0] > 10 * naive  # more repeats of the same sets are not more sets
    assert corrected_t([0.1], tested=0.2) is None
