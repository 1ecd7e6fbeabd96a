"""Sets that lie outside of what was trained on are told, and those alike are not."""

import numpy as np
import pytest

from setwise.readers.read import read
from setwise.runs.training_range import TrainingRange, columns_of
from setwise.store.set_summaries import NAMES, set_summaries

FEATURES = ("CD3", "CD4", "constant")


def sets_of(count, seed=0, *, scale=1.0, shift=0.0):
    draw = np.random.default_rng(seed)
    made = []
    for size in draw.integers(20, 70, count):
        elements = draw.normal([5.0, 2.0, 0.0], [1.0, 2.0, 0.0], (size, 3)) + draw.normal(0, [0.5, 0.3, 0], 3)
        elements[:, 2] = 7.0
        elements[:, 1] = elements[:, 1] * scale + shift
        made.append(elements)
    return read(made, features=list(FEATURES))


@pytest.fixture(scope="module")
def known():
    store = sets_of(31)
    return TrainingRange.fit(store, np.arange(31))


def place(known, store):
    return known.place(store, np.arange(len(store)), FEATURES, None)


def test_summaries_are_those_of_numpy():
    store = sets_of(3)
    found = set_summaries(store, np.array([2]))[0]
    elements = store.elements(2).astype(np.float64)
    assert len(found) == len(NAMES)
    assert found[0] == pytest.approx(elements.mean(0))
    assert found[1] == pytest.approx(elements.std(0))
    for row, share in zip(found[2:], (0.1, 0.5, 0.9), strict=True):
        assert (np.abs(np.quantile(elements, share, axis=0) - row) <= 0.2).all()


def test_the_farthest_training_set_is_measured_against_the_others(known):
    store = sets_of(31)
    found = set_summaries(store, np.arange(31))
    own = []
    for row in range(31):
        others = np.delete(found, row, axis=0)
        spread = np.sqrt(others.var(0, ddof=1) * (1 + 1 / 30) + np.square(known.floor))
        own.append((np.abs(found[row] - others.mean(0)) / spread).max())
    assert known.farthest == pytest.approx(max(own))


def test_sets_alike_are_inside(known):
    found = place(known, sets_of(53, seed=1))
    assert not found.outside.any()
    assert not found.sentences([""] * 53)


def test_another_unit_of_one_feature_is_told(known):
    store = sets_of(11, seed=2, scale=1000.0)
    found = place(known, store)
    assert found.outside.all()
    (sentence,) = found.sentences(store.set_ids)
    assert "11 of 11 sets lie outside" in sentence
    assert "CD4" in sentence
    assert "times as large" in sentence


def test_a_set_that_lies_elsewhere_and_one_whose_constant_moved_are_told(known):
    assert place(known, sets_of(5, seed=3, shift=40.0)).outside.all()
    moved = read([sets_of(1).elements(0) + np.array([0.0, 0.0, 1.0])], features=list(FEATURES))
    found = place(known, moved)
    assert (found.outside.all(), found.features) == (True, ("constant",))


def test_few_sets_say_nothing():
    assert TrainingRange.fit(sets_of(4), np.arange(4)) is None
    assert columns_of(None, 2) == {"distance": [None, None], "outside": [None, None]}
