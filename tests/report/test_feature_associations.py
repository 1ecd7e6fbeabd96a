"""Strengths of features against targets, against SciPy's own."""

import numpy as np
import pytest
from scipy import stats

from setwise.metrics import survival
from setwise.report.feature_associations import _strength
from setwise.targets import Classes, Number, TimeToEvent

DRAW = np.random.default_rng(0)
COLUMN = np.round(DRAW.normal(size=61), 1)


def test_of_numbers_is_spearman():
    truth = COLUMN + DRAW.normal(size=61)
    found = _strength(Number(target="y"), COLUMN, truth)
    assert found == pytest.approx(stats.spearmanr(COLUMN, truth)[0])


def test_of_two_classes_is_the_share_of_pairs():
    truth = (COLUMN + DRAW.normal(size=61) > 0).astype(float)
    pairs = [np.sign(a - b) for a in COLUMN[truth == 1] for b in COLUMN[truth == 0]]
    assert _strength(Classes(target="y", classes=("no", "yes")), COLUMN, truth) == pytest.approx(np.mean(pairs))


def test_of_more_classes_goes_from_none_to_one():
    target = Classes(target="y", classes=("a", "b", "c"))
    apart = np.digitize(COLUMN, [-0.5, 0.5]).astype(float)
    assert 0.8 < _strength(target, COLUMN, apart) < 1
    assert _strength(target, COLUMN, DRAW.permutation(apart)) < 0.4


def test_of_times_is_the_concordance_and_of_constants_nothing():
    target = TimeToEvent(target="y", event="e", times=(1.0,))
    truth = np.exp(-COLUMN + DRAW.normal(size=61)) * np.where(DRAW.random(61) < 0.7, 1, -1)
    found = survival.concordance(COLUMN, np.abs(truth), truth > 0)
    assert found is not None
    assert _strength(target, COLUMN, truth) == pytest.approx(2 * found - 1)
    assert _strength(target, np.ones(61), truth) == 0
