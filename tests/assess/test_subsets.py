"""The effect of subsets on predictions is measured, and said, where training drew them."""

import re

import numpy as np
import pyarrow as pa
import pytest

from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.targets import Classes, Number
from tests.fixtures.training import train


@pytest.fixture(scope="module")
def store():
    draw = np.random.default_rng(0)
    sets = [
        draw.normal(mean, 1.0, (int(size), 2)) for mean, size in zip(draw.normal(size=24), [5, 40] * 12, strict=True)
    ]
    sides = ["left" if x.mean() < 0 else "right" for x in sets]
    return read(sets, sets=pa.table({"y": [x.mean() for x in sets], "side": sides}))


def fitted(store, **choices):
    config = FitConfig(epochs=1, device="cpu", **choices)
    options = {"targets": ["y", "side"], "model_choices": {"depth": 2, "width": 8}, "baselines": False}
    return train(store, config=config, test=0.5, **options)


def test_a_sentence_for_each_target(store):
    first, number, words = fitted(store, max_elements=10, memory="low").record.notes[-3:]
    assert re.match(
        r"Of the held-out sets, \d+ of more than 10 elements were also predicted from 5 random draws", first
    )
    assert number.startswith("y: the prediction has a standard deviation of 0.")
    assert words.startswith("side: the probability of the class that the whole set gets")


@pytest.mark.parametrize("choices", [{}, {"max_elements": 40}])
def test_nothing_is_said_where_nothing_was_drawn(store, choices):
    assert not any("random draws" in note for note in fitted(store, **choices).record.notes)


def test_spreads_by_hand():
    draws = np.array([[[1.0], [5.0]], [[3.0], [5.0]]])  # two draws of two sets
    whole, truth = np.array([[2.0], [8.0]]), np.array([2.0, np.nan])
    said = Number(target="y").drawn_words(draws, whole, truth)
    assert "standard deviation of 1 over" in said  # variances 2 and 0
    assert "lies 2.12 from" in said  # 0 and 3
    assert "error on these sets is 0 " in said
    draws = np.array([[[0.5, 0.5]], [[0.1, 0.9]]])
    said = Classes(target="c", classes=("a", "b")).drawn_words(draws, np.array([[0.8, 0.2]]), np.array([0.0]))
    assert "standard deviation of 0.28 over the draws, and 50% of the draws get another class" in said
