"""Gradient boosting: as exact as the library that fits it, whatever classes and sets there are."""

from typing import Any

import numpy as np
import pytest
import torch

from setwise.models import boosting_network
from setwise.models.boosting import BoostingSpec
from setwise.models.family import Head
from setwise.models.summary_model import LINKS, Lesson


def lesson_of(x, y, kind: Any = "classes", outputs=2, weights=None):
    return Lesson(x, np.asarray(y, float), np.ones(len(x)) if weights is None else weights, Head(kind, outputs), 0)


def spec(**choices):
    return BoostingSpec(in_features=1, out_features=1, **choices)


def said(lesson, x, **choices):
    trees, link = boosting_network._fitted(spec(**choices), lesson)
    return LINKS[link](trees(torch.from_numpy(x)))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_trees_that_are_added_say_what_the_library_says(classes):
    draw = np.random.default_rng(1)
    x, new = (draw.normal(size=(count, 7)).astype(np.float32) for count in (89, 503))
    y = draw.integers(0, classes, 89) if classes else draw.normal(5, 2, 89)
    lesson = lesson_of(x, y, "classes" if classes else "number", classes or 1)
    rounds = boosting_network._rounds(spec(rounds=41), lesson, x)
    model = boosting_network._made(spec(), lesson, rounds).fit(x, lesson.y)
    found = said(lesson, new, rounds=41)
    if classes:
        np.testing.assert_allclose(found.softmax(1), model.predict_proba(new), atol=1e-6)
    else:
        np.testing.assert_allclose(found[:, 0], model.predict(new), rtol=1e-6, atol=1e-6)


def test_as_many_rounds_as_serve_what_was_left_out():
    draw = np.random.default_rng(2)
    x = draw.normal(size=(307, 3))
    noise = boosting_network._rounds(spec(rounds=50), lesson_of(x, draw.normal(size=307), "number", 1), x)
    step = boosting_network._rounds(spec(rounds=50), lesson_of(x, np.sign(x[:, 0]), "number", 1), x)
    assert noise < step / 2


def test_classes_that_were_not_seen_have_little():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(61, 2))
    shares = said(lesson_of(x, 1 + 2 * (x[:, 0] > 0), outputs=5), x, rounds=31).softmax(1)
    assert (shares[:, [0, 2, 4]] < 1e-5).all()
    assert ((shares[:, 3] > 0.5).numpy() == (x[:, 0] > 0)).mean() > 0.9


@pytest.mark.parametrize("y", [[0, 1, 2], [0, 0, 1], [0, 1, 1, 1, 1, 1, 1], [1, 1, 1]])
def test_few_rows_and_classes_of_one(y):
    x = np.random.default_rng(7).normal(size=(len(y), 307))
    shares = said(lesson_of(x, y, outputs=3), x, rounds=11).softmax(1)
    assert torch.isfinite(shares).all()
    assert (shares[:, [k not in y for k in range(3)]] < 1e-5).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_numbers_and_constant_columns(count):
    x = np.ones((count, 5))
    found = said(lesson_of(x, np.arange(count), "number", 1), x, rounds=11)
    assert torch.isfinite(found).all()


def test_weights_count():
    draw = np.random.default_rng(4)
    x = draw.normal(size=(91, 3))
    y = np.arange(91) % 3 == 0
    weights = np.where(y, 5.0, 1.0)
    shares = [said(lesson_of(x, y, weights=w), x).softmax(1)[:, 1].mean() for w in (None, weights)]
    assert shares[1] > shares[0] + 0.2
