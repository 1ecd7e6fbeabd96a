"""Kernel machines: as exact as the library that fits them, whatever classes and sets there are."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC

from setwise.models import kernel_network
from setwise.models.family import Head
from setwise.models.kernel import KernelSpec
from setwise.models.kernel_machine import KernelMachine
from setwise.models.summary_model import LINKS, Lesson

WIDTH, SLACK, PENALTY = 0.5, 2.0, 0.3


def lesson_of(x, y, kind: Any = "classes", outputs=2, weights=None):
    return Lesson(x, np.asarray(y, float), np.ones(len(x)) if weights is None else weights, Head(kind, outputs), 0)


def fitted(lesson, **choices):
    return kernel_network._fitted(KernelSpec(in_features=1, out_features=1, **choices), lesson)


def said(lesson, x, **choices):
    machine, link = fitted(lesson, **choices)
    return LINKS[link](machine(torch.from_numpy(x)))


@pytest.fixture
def settled(monkeypatch):
    """Leave nothing to choose, so that the library can be asked for the same."""
    monkeypatch.setattr(kernel_network, "_WIDTHS", (WIDTH,))
    monkeypatch.setattr(kernel_network, "_CS", (SLACK,))
    monkeypatch.setattr(kernel_network, "_PENALTIES", (PENALTY,))


def rows(count=61, features=7):
    draw = np.random.default_rng(3)
    return [draw.normal(3, 2, (n, features)) for n in (count, 503)]


def standardised(x, *others):
    return [((one - x.mean(0)) / x.std(0)).clip(-3, 3) for one in (x, *others)]


def gamma_of(z):
    far = ((z[:, None] - z) ** 2).sum(2)
    return WIDTH / np.median(far[far > 0])


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_two_classes_are_what_the_library_says(dtype):
    x, new = rows()
    y = (x[:, 0] + np.random.default_rng(4).normal(0, 2, len(x)) > 3).astype(int)
    z, others = standardised(x, new)
    machine = SVC(C=SLACK, gamma=gamma_of(z)).fit(z, y)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores: Any = cross_val_predict(machine, z, y, cv=folds, method="decision_function")
    scores = scores[:, None]
    platt = LogisticRegression(max_iter=1000).fit(scores / scores.std(), y)
    want = platt.predict_proba(machine.decision_function(others)[:, None] / scores.std())
    kept, link = fitted(lesson_of(x, y))
    found = LINKS[link](kept.to(dtype)(torch.from_numpy(new).to(dtype))).softmax(1)
    np.testing.assert_allclose(found, want, atol=1e-6 if dtype == torch.float64 else 2e-5)


@pytest.mark.usefixtures("settled")
def test_several_classes_are_one_against_the_others():
    x, new = rows()
    y = np.random.default_rng(5).integers(0, 3, len(x))
    z, others = standardised(x, new)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    machines = [SVC(C=SLACK, gamma=gamma_of(z)) for _ in range(3)]
    scores = np.empty((len(x), 3))
    for rows_, left in folds.split(z, y):
        for k, machine in enumerate(machines):
            scores[left, k] = machine.fit(z[rows_], y[rows_] == k).decision_function(z[left])
    platt = LogisticRegression(max_iter=1000).fit(scores / scores.std(), y)
    each = [machine.fit(z, y == k).decision_function(others) for k, machine in enumerate(machines)]
    want = platt.predict_proba(np.stack(each, 1) / scores.std())
    np.testing.assert_allclose(said(lesson_of(x, y, outputs=3), new).softmax(1), want, atol=1e-6)


@pytest.mark.usefixtures("settled")
def test_numbers_are_what_the_library_says():
    x, new = rows()
    y = np.sin(x[:, 0]) + 5
    z, others = standardised(x, new)
    library: Any = KernelRidge
    model = library(alpha=PENALTY, kernel="rbf", gamma=gamma_of(z)).fit(z, y - y.mean())
    found = said(lesson_of(x, y, "number", 1), new)[:, 0]
    np.testing.assert_allclose(found, model.predict(others) + y.mean(), atol=1e-6)


def test_one_column_out_of_line_does_not_make_a_row_unlike_all_others():
    x, _ = rows()
    y = (x[:, 0] > 3).astype(int)
    far = x.copy()
    far[:, 6] = 1e6
    near = x.copy()
    near[:, 6] = x[:, 6].mean() + 3 * x[:, 6].std()
    lesson = lesson_of(x, y)
    np.testing.assert_allclose(said(lesson, far), said(lesson, near), atol=1e-6)


def test_width_and_penalty_are_chosen_by_what_was_left_out():
    draw = np.random.default_rng(6)
    x, new = draw.uniform(-3, 3, (211, 1)), draw.uniform(-3, 3, (101, 1))
    wave = said(lesson_of(x, np.sin(5 * x[:, 0]), "number", 1), new)[:, 0]
    assert np.corrcoef(wave, np.sin(5 * new[:, 0]))[0, 1] > 0.99
    noise = said(lesson_of(x, draw.normal(size=211), "number", 1), new)
    assert noise.std() < 0.4


def test_of_many_rows_some_are_drawn_of_every_class():
    x, new = rows(997)
    y = (x[:, 0] > 3).astype(int)
    y[7] = 2
    lesson = lesson_of(x, y, outputs=3)
    machine, link = fitted(lesson, rows=101)
    assert len(machine.landmarks) <= 101
    found = LINKS[link](machine(torch.from_numpy(new))).argmax(1).numpy()
    assert (found == (new[:, 0] > 3)).mean() > 0.85
    drawn = kernel_network._drawn(y, 101, 0)
    assert 7 in drawn
    assert np.bincount(y[drawn])[:2] == pytest.approx(np.bincount(y)[:2] / 997 * 101, abs=2)


@pytest.mark.parametrize("y", [[0, 1, 2], [0, 0, 1], [0, 1, 1, 1, 1, 1, 1], [1, 1, 1]])
def test_few_rows_and_classes_of_one(y):
    x = np.random.default_rng(7).normal(size=(len(y), 307))
    shares = said(lesson_of(x, y, outputs=3), x).softmax(1)
    assert torch.isfinite(shares).all()
    assert (shares[:, [k not in y for k in range(3)]] < 1e-5).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_numbers_and_constant_columns(count):
    x = np.ones((count, 5))
    found = said(lesson_of(x, np.arange(count), "number", 1), x)
    np.testing.assert_allclose(found[:, 0], (count - 1) / 2, atol=1e-9)


def test_weights_count():
    x, _ = rows()
    y = np.arange(len(x)) % 3 == 0
    weights = np.where(y, 5.0, 1.0)
    shares = [said(lesson_of(x, y, weights=w), x).softmax(1)[:, 1].mean() for w in (None, weights)]
    assert shares[1] > shares[0] + 0.2


def test_a_machine_that_was_never_fitted_says_so():
    assert repr(KernelMachine()) == "KernelMachine(not fitted)"
