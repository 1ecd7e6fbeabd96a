import pickle

import numpy as np
import pandas as pd
import pytest

import setwise as sw
from setwise._checks import InputError
from tests.fixtures.estimators import cloned

CHOICES = {
    "depth": 2,
    "width": 16,
    "epochs": 12,
    "batch_size": 4,
    "learning_rate": 3e-3,
    "ensemble": 1,
    "random_state": 0,
}


def _sets(count=48, seed=0):
    """Draw elements whose label is their side of the mean of their set, which lies anywhere."""
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 1, (n, 2)) + generator.normal(0, 3) for n in generator.integers(3, 30, count)]


def _centred(sets):
    return [x[:, 0] - x[:, 0].mean() for x in sets]


@pytest.fixture(scope="module")
def classifier():
    sets = _sets()
    labels = [np.where(own > 0, "above", "below").astype(object) for own in _centred(sets)]
    for own in labels:
        own[::5] = None
    return sw.SetElementClassifier(**CHOICES).fit(sets, labels)


def test_classes_of_elements_in_the_light_of_their_set(classifier):
    new = _sets(seed=1)
    truth = [np.where(own > 0, "above", "below") for own in _centred(new)]
    assert classifier.score(new, truth) > 0.7  # the element alone is worth 0.5
    found = classifier.predict(new)
    assert [len(own) for own in found] == [len(x) for x in new]
    chances = classifier.predict_proba(new)
    assert np.allclose(np.concatenate(chances).sum(1), 1)
    named = classifier.classes_[np.concatenate(chances).argmax(1)]
    assert (named == np.concatenate(found)).all()


def test_predictions_follow_their_elements(classifier):
    (x,) = _sets(1, seed=3)
    order = np.random.default_rng(0).permutation(len(x))
    assert np.allclose(classifier.predict_proba([x])[0][order], classifier.predict_proba([x[order]])[0], atol=1e-5)


def test_a_clone_and_a_pickle_predict_the_same():
    sets = _sets(12)
    labels = [np.arange(len(x)) % 3 for x in sets]
    choices = {**CHOICES, "epochs": 2}
    first = sw.SetElementClassifier(**choices).fit(sets, labels)
    again = cloned(first).fit(sets, labels)
    for one, other in zip(first.predict_proba(sets), again.predict_proba(sets), strict=True):
        assert (one == other).all()
    kept = pickle.loads(pickle.dumps(first))
    assert all((a == b).all() for a, b in zip(kept.predict(sets), first.predict(sets), strict=True))
    assert first.predict(sets)[0].dtype.kind == "i"


def test_which_element_is_meant():
    sets = _sets()
    largest = [int(x[:, 1].argmax()) for x in sets]
    found = sw.SetElementClassifier(**{**CHOICES, "epochs": 20}, max_elements=None).fit(sets, largest)
    new = _sets(seed=2)
    truth = [int(x[:, 1].argmax()) for x in new]
    chance = np.mean([1 / len(x) for x in new])
    assert found.score(new, truth) > 3 * chance
    assert np.allclose([own.sum() for own in found.predict_proba(new)], 1)


def test_numbers_of_elements_with_covariates():
    sets = _sets()
    shift = np.random.default_rng(5).normal(0, 1, (len(sets), 1))
    y = [own + s for own, s in zip(_centred(sets), shift[:, 0], strict=True)]
    y[0][:2] = np.nan
    regressor = sw.SetElementRegressor(**CHOICES).fit(sets, y, covariates=shift)
    blind = sw.SetElementRegressor(**CHOICES).fit(sets, y)
    assert regressor.score(sets, y, covariates=shift) > blind.score(sets, y) > 0
    with pytest.raises(InputError, match="covariates must be those"):
        regressor.predict(sets)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (lambda sets: [np.zeros(len(x) + 1) for x in sets], "set 0 has"),
        (lambda sets: [np.zeros(len(x)) for x in sets], "two classes at least"),
        (lambda sets: [np.full(len(x), np.nan) for x in sets], "missing for all"),
        (lambda sets: [np.zeros(len(x)) for x in sets[1:]], "for each of the 12 sets; got 11"),
        (lambda sets: [len(x) for x in sets], "position of an element"),
        (lambda sets: [0.5 for _ in sets], "whole number"),
        (lambda _: None, "fit needs y"),
        (lambda sets: [np.zeros((len(x), 1)) for x in sets], "one has shape"),
        (lambda sets: [1, *([0] * len(x) for x in sets[1:])], "one has shape"),
        (lambda sets: [["a", *[1] * (len(x) - 1)] for x in sets], "one kind"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(labels, words):
    sets = _sets(12)
    with pytest.raises(InputError, match=words):
        sw.SetElementClassifier(**CHOICES, max_elements=None).fit(sets, labels(sets))


def test_scores_need_a_known_label(classifier):
    sets = _sets(5)
    with pytest.raises(InputError, match="all are missing"):
        classifier.score(sets, [[None] * len(x) for x in sets])
    regressor = sw.SetElementRegressor(**{**CHOICES, "epochs": 1}).fit(sets, _centred(sets))
    with pytest.raises(InputError, match="all are missing"):
        regressor.score(sets, [np.full(len(x), np.nan) for x in sets])


def test_covariates_of_a_frame_in_another_order_are_refused_in_predictions():
    generator = np.random.default_rng(0)
    names = [f"p{i:02d}" for i in range(12)]
    table = pd.DataFrame({"set_id": np.repeat(names, 5), "x": generator.normal(size=60)})
    y = [generator.normal(size=5) for _ in names]
    ages = pd.DataFrame({"age": generator.normal(size=12)}, index=pd.Index(names))
    regressor = sw.SetElementRegressor(**{**CHOICES, "epochs": 1}).fit(table, y, covariates=ages)
    assert len(regressor.predict(table, covariates=ages)) == 12
    with pytest.raises(InputError, match="order"):
        regressor.predict(table, covariates=ages.iloc[::-1])


def test_intervals_sets_of_classes_and_temperatures():
    sets = _sets(80)
    y = _centred(sets)
    choices = {**CHOICES, "epochs": 4, "validation_fraction": 0.5, "coverage": 0.8}
    regressor = sw.SetElementRegressor(**choices).fit(sets, y)
    new = _sets(40, seed=9)
    held = [
        np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
        for ends, truth in zip(regressor.predict_interval(new), _centred(new), strict=True)
    ]
    assert 0.65 <= np.mean(held) <= 0.99
    labels = [np.where(own > 0, 2, 1) for own in y]
    classifier = sw.SetElementClassifier(**choices, calibrate=True).fit(sets, labels)
    chosen = classifier.predict_set(new)
    assert [own.shape for own in chosen] == [(len(x), 2) for x in new]
    truth = [np.where(own > 0, 2, 1) for own in _centred(new)]
    held = [np.mean(own[np.arange(len(t)), t - 1]) for own, t in zip(chosen, truth, strict=True)]
    assert np.mean(held) >= 0.65
    assert "elements of the validation sets" in " ".join(classifier.run_.record.notes)
    assert cloned(classifier).get_params()["calibrate"] is True
    with pytest.raises(RuntimeError, match=r"SetElementRegressor\(coverage=0\.9\)"):
        sw.SetElementRegressor(**{**CHOICES, "epochs": 1}).fit(sets, y).predict_interval(new)
    with pytest.raises(InputError, match="add up to one over the set"):
        sw.SetElementClassifier(**CHOICES, calibrate=True, max_elements=None).fit(sets, [0] * len(sets))
