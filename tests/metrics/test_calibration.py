"""Temperatures of models that are too sure by a known factor; coverage by simulation; curves by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from setwise.metrics.calibration import (
    calibration_curve,
    conformal_quantile,
    fit_temperature,
    in_prediction_set,
    least_sets,
)


def softmax(logits):
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_temperature_of_a_model_that_is_too_sure(factor):
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(20_000, 3)) * 2
    truth = (softmax(logits).cumsum(1) > draw.random(20_000)[:, None]).argmax(1)
    assert fit_temperature(factor * logits, truth) == pytest.approx(factor, rel=0.04)


def test_temperature_is_the_likeliest_by_another_way():
    """Of two classes it is one over the slope of a logistic regression without intercept or penalty."""
    draw = np.random.default_rng(1)
    gap = draw.normal(size=211) * 3
    truth = (draw.random(211) < 1 / (1 + np.exp(-gap / 2))).astype(int)
    slope = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(gap[:, None], truth).coef_[0, 0]
    logits = np.stack([np.zeros(211), gap], 1)
    assert fit_temperature(logits, truth) == pytest.approx(1 / slope, rel=1e-3)
    members = np.stack([logits, logits], 1)
    assert fit_temperature(members, truth) == pytest.approx(1 / slope, rel=1e-3)


@pytest.mark.parametrize(("count", "coverage"), [(9, 0.9), (23, 0.8), (50, 0.9)])
def test_intervals_cover_new_sets(count, coverage):
    """Over many draws of n calibration sets: coverage is ceil((n + 1) c) / (n + 1), exactly, in expectation."""
    draw, trials = np.random.default_rng(0), 6000
    scores, new = np.abs(draw.standard_t(3, (trials, count))), np.abs(draw.standard_t(3, trials))
    hits = np.mean([n <= conformal_quantile(s, coverage) for s, n in zip(scores, new, strict=True)])
    exact = np.ceil((count + 1) * coverage - 1e-9) / (count + 1)
    assert exact >= coverage - 1e-9
    assert hits == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / trials))


def test_intervals_cover_elements_of_new_sets():
    """Sets whose elements err together, and whose sizes tell how much: each counts alike, whatever its size."""
    draw, trials, hits, naive = np.random.default_rng(0), 4000, [], []
    for _ in range(trials):
        sizes = draw.choice([1, 23], 12)
        owners = np.repeat(np.arange(12), sizes)
        scale = np.where(sizes == 1, 5.0, 1.0)  # small sets are predicted worst
        scores = np.abs(draw.normal(size=12)[owners] + 0.1 * draw.normal(size=len(owners))) * scale[owners]
        new = abs(draw.normal() + 0.1 * draw.normal()) * draw.choice([5.0, 1.0])
        hits.append(new <= conformal_quantile(scores, 0.8, owners=owners))
        naive.append(new <= conformal_quantile(scores, 0.8))
    error = np.sqrt(0.8 * 0.2 / trials)
    assert 0.8 - 3 * error <= np.mean(hits) <= 0.8 + 1 / 13 + 3 * error
    assert np.mean(naive) < 0.75, "elements are not exchangeable, and that must matter here"


def test_elements_count_by_their_sets():
    scores, owners = np.array([1.0, 2.0, 9.0, 3.0, 4.0]), np.array([0, 0, 0, 1, 2])
    # at or below 1, 2, 3, 4, 9 are 1/3, 2/3, 5/3, 8/3, 3 of the 3 sets; 4 times the coverage is asked
    assert [conformal_quantile(scores, c, owners=owners) for c in (0.1, 0.4, 0.6, 0.7, 0.75)] == [2, 3, 4, 9, 9]
    assert conformal_quantile(scores, 0.76, owners=owners) == np.inf
    alone = np.random.default_rng(0).normal(size=17)
    assert conformal_quantile(alone, 0.8, owners=np.arange(17)[::-1]) == conformal_quantile(alone, 0.8)


def test_too_few_sets_promise_nothing():
    assert conformal_quantile(np.arange(8.0), 0.9) == np.inf
    assert conformal_quantile(np.arange(9.0), 0.9) == 8
    assert least_sets(0.9) == 9
    assert least_sets(0.8) == 4


def test_sets_of_classes_cover():
    draw, hits, sizes = np.random.default_rng(0), [], []
    for _ in range(400):
        logits = draw.normal(size=(61, 3)) * 2
        truth = (softmax(logits).cumsum(1) > draw.random(61)[:, None]).argmax(1)
        said = softmax(3 * logits)  # too sure: coverage must hold all the same
        quantile = conformal_quantile(1 - said[np.arange(60), truth[:60]], 0.9)
        chosen = in_prediction_set(said[60:], quantile)
        hits.append(chosen[0, truth[60]])
        sizes.append(chosen.sum())
    assert 0.86 <= np.mean(hits) <= 0.96
    assert min(sizes) >= 1
    assert np.mean(sizes) < 2.5


def test_curve_by_hand():
    said = np.array([0.1, 0.1, 0.2, 0.2, 0.4, 0.6, 0.8, 0.8, 0.9, 0.9])
    truth = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
    curve = calibration_curve(said, truth)
    assert curve.said == pytest.approx((0.2, 0.8))
    assert curve.found == pytest.approx((0.2, 0.8))
    assert curve.counts == (5, 5)
    assert curve.error == pytest.approx(0)
    assert calibration_curve(said, 1 - truth).error == pytest.approx(0.6)
    assert calibration_curve(said[:3], truth[:3]).counts == (3,)
