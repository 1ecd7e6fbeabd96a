"""The estimators: scikit-learn's habits, on sets."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import setwise as sw
from setwise._checks import InputError
from tests.fixtures.estimators import cloned

SMALL = dict(depth=2, width=8, epochs=2, ensemble=1, random_state=0, device="cpu")
LEARNS = dict(depth=2, width=16, epochs=30, batch_size=5, learning_rate=1e-2, random_state=0, ensemble=1)


def _sets(count=30, features=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(rng.normal(), 1, (n, features)) for n in rng.integers(1, 12, count)]


@pytest.fixture(scope="module")
def sets():
    return _sets()


@pytest.fixture(scope="module")
def means(sets):
    return np.array([x.mean() for x in sets])


@pytest.fixture(scope="module")
def labels(means):
    return np.where(means > np.median(means), "high", "low")


def test_regressor_learns_the_mean(sets, means):
    regressor = sw.SetRegressor(**LEARNS).fit(sets, means)
    new = _sets(seed=1)
    assert regressor.score(new, [x.mean() for x in new]) > 0.8
    assert regressor.predict(new).shape == (30,)
    assert regressor.n_features_in_ == 2
    assert 1 <= regressor.n_iter_ <= 30


def test_classifier_learns_the_sign(sets, labels):
    classifier = sw.SetClassifier(**LEARNS).fit(sets, labels)
    assert classifier.score(sets, labels) > 0.9
    assert classifier.classes_.tolist() == ["high", "low"]
    probabilities = classifier.predict_proba(sets)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (classifier.predict(sets) == classifier.classes_[probabilities.argmax(1)]).all()


@pytest.mark.parametrize(
    "classes", [np.array([3, 10, 2]), np.array([1.0, 10.0, 2.0]), np.array(["b", "a", "c"]), np.array([True, False])]
)
def test_labels_of_any_kind_come_back_as_they_were(sets, classes):
    y = classes[np.arange(30) % len(classes)]
    classifier = sw.SetClassifier(**SMALL).fit(sets, y)
    assert classifier.classes_.dtype == classes.dtype
    assert classifier.classes_.tolist() == sorted(classes.tolist())
    assert set(classifier.predict(sets)) <= set(classes)
    # column k of the probabilities is class k, whatever order the model has
    assert (classifier.predict(sets) == classifier.classes_[classifier.predict_proba(sets).argmax(1)]).all()


def test_several_targets(sets, means):
    y = np.stack([means, -means, means**2], 1)
    regressor = sw.SetRegressor(**SMALL).fit(sets, y)
    assert regressor.predict(sets).shape == (30, 3)
    assert isinstance(regressor.score(sets, y), float)


def test_the_same_seed_gives_the_same_bits(sets, means):
    first, second = (sw.SetRegressor(**SMALL).fit(sets, means).predict(sets) for _ in range(2))
    assert (first == second).all()
    other = sw.SetRegressor(**{**SMALL, "random_state": 1}).fit(sets, means).predict(sets)
    assert (first != other).any()


def test_a_second_fit_forgets_the_first(sets, means):
    regressor = sw.SetRegressor(**SMALL).fit(_sets(features=5), means)
    assert (regressor.fit(sets, means).predict(sets) == sw.SetRegressor(**SMALL).fit(sets, means).predict(sets)).all()


def test_every_form_of_sets_gives_the_same_predictions(sets, means, tmp_path):
    regressor = sw.SetRegressor(**SMALL).fit(sets, means)
    expected = regressor.predict(sets)
    sizes = np.array([len(x) for x in sets])
    padded = np.full((30, sizes.max(), 2), np.nan)
    for row, x in zip(padded, sets, strict=True):
        row[: len(x)] = x
    np.testing.assert_array_equal(regressor.predict((padded, sizes)), expected)
    np.testing.assert_array_equal(regressor.predict(sw.read(sets)), expected)
    table = pd.DataFrame(np.concatenate(sets), columns=["x0", "x1"])
    table.insert(0, "set_id", np.repeat(np.arange(30), sizes))
    table["time"] = 0.0  # other columns are left alone
    np.testing.assert_array_equal(regressor.predict(table), expected)
    table[["set_id", "x1", "x0"]].to_csv(tmp_path / "sets.csv", index=False)  # order is repaired by name
    np.testing.assert_allclose(regressor.predict(tmp_path / "sets.csv"), expected, rtol=1e-5)


def test_clone_pickle_and_parameters(sets, means):
    regressor = sw.SetRegressor("set-transformer++", depth=1, width=8, heads=2, inducing=3, epochs=2, random_state=0)
    fitted = cloned(regressor).fit(sets, means)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(sets), fitted.predict(sets))
    assert regressor.get_params()["inducing"] == 3
    assert regressor.set_params(inducing=5).inducing == 5
    with pytest.raises(NotFittedError):
        regressor.predict(sets)


def test_cross_validation_and_grid_search(sets, labels):
    classifier = sw.SetClassifier(**SMALL)
    groups = np.arange(30) // 3
    scores = cross_val_score(classifier, sets, labels, cv=GroupKFold(3), groups=groups, params={"groups": groups})
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
    search = GridSearchCV(classifier, {"width": [4, 8]}, cv=2).fit(sets, labels)
    assert search.best_estimator_.predict(sets).shape == (30,)


def test_groups_stay_on_one_side(sets, means):
    groups = np.arange(30) // 3
    split = sw.SetRegressor(**SMALL, validation_fraction=0.3).fit(sets, means, groups=groups).run_.record.split
    train, held = ({groups[int(name)] for name in part} for part in (split.train, split.validation))
    assert train
    assert held
    assert not train & held


@pytest.mark.slow
def test_covariates_decide_where_elements_say_nothing():
    rng = np.random.default_rng(0)
    sets, covariates = [rng.normal(size=(5, 2)) for _ in range(60)], rng.normal(size=(60, 2)) * 100 + 7
    regressor = sw.SetRegressor(**LEARNS)
    regressor.fit(sets, covariates[:, 0], covariates=covariates)
    assert regressor.score(sets, covariates[:, 0], covariates=covariates) > 0.8
    with pytest.raises(InputError, match="covariate"):
        regressor.predict(sets)


def test_given_validation_sets(sets, means):
    new = _sets(7, seed=2)
    run = sw.SetRegressor(**SMALL).fit(sets, means, validation=(new, [x.mean() for x in new])).run_
    assert len(run.record.split.train) == 30
    assert len(run.record.split.validation) == 7
    with pytest.raises(InputError, match="validation labels must be among"):
        sw.SetClassifier(**SMALL).fit(sets, np.arange(30) % 2, validation=(new, [5] * 7))


def test_a_fitted_estimator_can_be_kept_for_the_command_line(sets, means, tmp_path):
    regressor = sw.SetRegressor(**SMALL).fit(sets, means)
    regressor.run_.save(tmp_path / "run")
    table = sw.predict(tmp_path / "run", sets)
    np.testing.assert_array_equal(table["predicted_target"].to_numpy(), regressor.predict(sets))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(y=[1.0] * 30), "must differ between sets"),
        (dict(y=[1.0] * 29), "inconsistent numbers of samples, 30 sets and 29"),
        (dict(y=[np.nan] * 30), "finite numbers"),
        (dict(y=["a"] * 30), "must be numbers"),
        (dict(covariates=np.ones(30)), r"shape \(B, C\)"),
        (dict(covariates=np.ones((29, 1))), "covariate must have one entry per set"),
        (dict(groups=np.ones(29)), "group must have one entry per set"),
        (dict(X=[np.zeros((0, 2))] * 30), "at least one element; set '0'"),
        (dict(X=[np.full((2, 2), np.nan)] * 30), "finite"),
        (dict(model="deepest-sets"), "must be one of"),
        (dict(epochs=0), "epochs"),
        (dict(pool="sum", max_elements=3), "cannot go together"),
    ],
)
def test_bad_input(sets, means, change, message):
    fit = {"X": sets, "y": means} | {k: v for k, v in change.items() if k in ("X", "y", "covariates", "groups")}
    parameters = SMALL | {k: v for k, v in change.items() if k not in fit}
    with pytest.raises(InputError, match=message):
        sw.SetRegressor(**parameters).fit(**fit)


def test_sparse_sets_are_refused_by_name():
    with pytest.raises(TypeError, match="Sparse input is not supported"):
        sw.SetRegressor(**SMALL).fit([scipy.sparse.csr_array(np.eye(3))] * 4, range(4))


# scikit-learn's battery gives two-dimensional arrays: a row of d numbers is a set of d elements with one feature each,
# whose order the model does not see.
EXPECTED_FAILURES = {
    "check_sample_weights_pandas_series": "its sets are a table without a column that names the sets",
    "check_sample_weight_equivalence_on_dense_data": "repeated sets come in other batches, and transforms count them",
    "check_n_features_in": "n_features_in_ counts the features of an element, and sets may have any number of elements",
    "check_n_features_in_after_fitting": "sets may have any number of elements, so other row lengths are no fault",
    "check_regressor_data_not_an_array": "its second half is a table without a column that names the sets",
    "check_classifier_data_not_an_array": "its second half is a table without a column that names the sets",
    "check_dtype_object": "an array of objects is a list of sets, not a table of numbers",
    "check_estimators_empty_data_messages": "a row without numbers is refused as an empty set, in our words",
    "check_fit2d_1sample": "one set is refused in our words, not in scikit-learn's",
    "check_fit2d_predict1d": "a one-dimensional array is refused in our words, not in scikit-learn's",
    "check_classifiers_one_label": "a single class is refused: there is nothing to learn from it",
    "check_classifiers_train": "the classes of its data differ by the order of the columns, which a set has not",
    "check_regressors_train": "its target depends on the order of the columns, which a set has not",
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        E(depth=2, width=8, epochs=2, ensemble=1, validation_fraction=0.0, random_state=0)
        for E in (sw.SetRegressor, sw.SetClassifier)
    ],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
def test_scikit_learns_battery(estimator, check):
    check(estimator)


def test_no_warnings_in_a_plain_fit(sets, means):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sw.SetRegressor(**SMALL).fit(sets, means).predict(sets)


@pytest.fixture(scope="module")
def table(sets):
    """Make a long table whose sets have names, out of the order of the alphabet."""
    ids = np.repeat([f"s{29 - i}" for i in range(30)], [len(x) for x in sets])
    return pd.DataFrame({"set_id": ids, "a": np.concatenate(sets)[:, 0], "b": np.concatenate(sets)[:, 1]})


def test_targets_of_a_table_go_by_position_and_never_against_their_index(sets, table, means):
    named = pd.Series(means, index=table["set_id"].unique())
    fitted = sw.SetRegressor(**SMALL).fit(table, named)
    assert fitted.score(table, named) == fitted.score(table, means)
    for call in (fitted.fit, fitted.score):
        with pytest.raises(InputError, match="y must be in the order"):
            call(table, named.sort_index())
    with pytest.raises(InputError, match="groups must be in the order"):
        fitted.fit(table, means, groups=named.sort_index())
    fitted.fit(sets, pd.Series(means, index=np.arange(30)[::-1]))  # sets of a list have no names


def test_frames_in_another_order_of_columns_predict_the_same(table, means):
    frames = [frame[["a", "b"]] for _, frame in table.groupby("set_id", sort=False)]
    fitted = sw.SetRegressor(**SMALL).fit(frames, means)
    turned = fitted.predict([frame[["b", "a"]] for frame in frames])
    np.testing.assert_array_equal(turned, fitted.predict(frames))
    with pytest.raises(InputError, match="missing: a"):
        fitted.predict([frame.rename(columns={"a": "c"}) for frame in frames])


def test_covariates_are_those_of_the_fit(sets, means):
    frame = pd.DataFrame({"age": np.linspace(20, 80, 30), "dose": np.arange(30) % 7})
    fitted = sw.SetRegressor(**SMALL).fit(sets, means, covariates=frame)
    turned = fitted.predict(sets, covariates=frame[["dose", "age"]])
    np.testing.assert_array_equal(turned, fitted.predict(sets, covariates=frame))
    for wrong in (None, frame[["age"]], frame.assign(sex=1), frame.to_numpy()):
        with pytest.raises(InputError, match="covariates must be those that the model was fitted with: age, dose"):
            fitted.predict(sets, covariates=wrong)
    with pytest.raises(InputError, match="got age, dose"):
        sw.SetRegressor(**SMALL).fit(sets, means).predict(sets, covariates=frame)
    with pytest.raises(InputError, match="covariates must be numbers"):
        fitted.fit(sets, means, covariates=frame.assign(age="old"))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_labels_and_groups_are_no_class_and_no_group(sets, means, missing):
    with pytest.raises(InputError, match="holds None or NaN"):
        sw.SetClassifier(**SMALL).fit(sets, [missing] * 15 + ["a"] * 15)
    with pytest.raises(InputError, match="one is missing"):
        sw.SetRegressor(**SMALL).fit(sets, means, groups=[missing] * 7 + list("abcdefghijklmnopqrstuvw"))


def test_validation_has_the_targets_of_y(sets, means):
    with pytest.raises(InputError, match="1 targets of y; got 2"):
        sw.SetRegressor(**SMALL).fit(sets, means, validation=(sets[:3], np.ones((3, 2))))
    fitted = sw.SetRegressor(**SMALL).fit(sets, means, groups=[1] * 30, validation=(sets[:3], means[:3]))
    assert len(fitted.run_.record.split.validation) == 3


def test_numbers_of_numpy_in_a_grid(sets, means):
    grid = {"width": np.array([8, 16]), "learning_rate": np.array([1e-3], np.float32), "epochs": np.arange(1, 2)}
    GridSearchCV(sw.SetRegressor(**SMALL), grid, cv=2).set_params(error_score="raise").fit(sets, means)


def test_an_array_of_arrays_is_a_list_of_sets(sets, means):
    ragged = np.empty(30, dtype=object)
    ragged[:] = sets
    fitted = sw.SetRegressor(**SMALL).fit(ragged, means)
    np.testing.assert_array_equal(fitted.predict(sets), fitted.predict(ragged))
    np.testing.assert_array_equal(fitted.predict(sets), fitted.predict(pd.Series(sets)))


def _flagged(count=83):
    """Draw sets whose first feature tells the first label, and whose second tells the second."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, (count, 2))
    return [rng.normal(2 * own, 1, (int(rng.integers(3, 11)), 2)) for own in y], y


def test_several_labels_at_once():
    sets, y = _flagged()
    unknown = y.astype(float)
    unknown[::7, 1] = np.nan
    classifier = sw.SetClassifier(depth=2, width=16, epochs=30, batch_size=11, ensemble=1, random_state=0)
    classifier.fit(sets[:60], unknown[:60])
    probabilities = classifier.predict_proba(sets[60:])
    assert probabilities.shape == (23, 2)
    np.testing.assert_array_equal(classifier.predict(sets[60:]), probabilities > 0.5)
    assert ((probabilities > 0.5) == y[60:]).mean() > 0.85
    assert classifier.score(sets[60:], y[60:]) > 0.7
    with pytest.raises(InputError, match="must hold 0 and 1"):
        classifier.fit(sets, 2 * y)


def test_weights_of_sets_decide_between_contradictions():
    """The same sets with both labels: the heavier label is learned."""
    rng = np.random.default_rng(3)
    sets = [rng.normal(size=(5, 2)) for _ in range(31)]
    y = np.repeat([0, 1], 31)
    classifier = sw.SetClassifier(
        depth=2, width=8, epochs=20, learning_rate=0.01, ensemble=1, validation_fraction=0.0, random_state=0
    )
    for heavy in (0, 1):
        classifier.fit(sets * 2, y, np.where(y == heavy, 9.0, 1.0))
        assert (classifier.predict(sets) == heavy).mean() > 0.9
    with pytest.raises(InputError, match="one number per set"):
        classifier.fit(sets * 2, y, [1.0])
    with pytest.raises(InputError, match="0 or more"):
        classifier.fit(sets * 2, y, -np.ones(62))


def test_weights_of_classes_decide_between_contradictions():
    """The same sets with both labels, mostly "usual": balanced weights make a draw of it."""
    rng = np.random.default_rng(3)
    sets = [rng.normal(size=(5, 2)) for _ in range(31)]
    y = np.array(["rare"] * 31 + ["usual"] * 62)
    settings = dict(depth=2, width=8, epochs=20, learning_rate=0.01, ensemble=1, validation_fraction=0.0)
    said = {}
    for name, weight in {"none": None, "balanced": "balanced", "heavy": {"rare": 20}}.items():
        classifier = sw.SetClassifier(**settings, random_state=0, class_weight=weight).fit(sets * 3, y)
        said[name] = classifier.predict_proba(sets)[:, 0].mean()
    assert said["none"] == pytest.approx(1 / 3, abs=0.08)
    assert said["balanced"] == pytest.approx(1 / 2, abs=0.08)
    assert said["heavy"] > 0.8
    for wrong, words in (
        ({"seldom": 2}, "must name classes of y"),
        ({"rare": -1}, "at least zero"),
        ({"rare": float("nan")}, "finite numbers of at least zero"),
        ({"rare": "much"}, "class_weight must be numbers"),
        ("even", "'even'"),
    ):
        with pytest.raises(InputError, match=words):
            sw.SetClassifier(**SMALL, class_weight=wrong).fit(sets * 3, y)


def test_intervals_and_sets_of_classes_hold_what_was_asked():
    sets = _sets(400, seed=1)
    rng = np.random.default_rng(0)
    y = np.array([x.mean() for x in sets]) + rng.normal(0, 0.3, 400)
    kinds = np.digitize(y, [-0.5, 0.5]) + 7
    settings = dict(depth=2, width=8, epochs=5, ensemble=1, coverage=0.8, validation_fraction=0.4, random_state=0)
    numbers = sw.SetRegressor(**settings).fit(sets[:250], y[:250])
    low, high = numbers.predict_interval(sets[250:]).T
    np.testing.assert_allclose((low + high) / 2, numbers.predict(sets[250:]))
    assert 0.68 <= ((low <= y[250:]) & (y[250:] <= high)).mean() <= 0.92  # 150 to test, 50 to calibrate: +- 2 errors
    both = sw.SetRegressor(**settings).fit(sets[:250], np.stack([y, -y], 1)[:250])
    assert both.predict_interval(sets[250:]).shape == (150, 2, 2)
    classes = sw.SetClassifier(**settings, calibrate=True).fit(sets[:250], kinds[:250])
    chosen = classes.predict_set(sets[250:])
    assert chosen.shape == (150, 3)
    assert chosen[np.arange(150), kinds[250:] - 7].mean() >= 0.68
    assert not chosen.all()
    assert "temper" in " ".join(classes.run_.record.notes)
    labels = sw.SetClassifier(**settings).fit(sets[:250], np.stack([y > 0, y > 0.5], 1)[:250].astype(int))
    assert labels.predict_set(sets[250:]).shape == (150, 2, 2)


def test_too_few_sets_to_promise_anything(sets, means, labels):
    with pytest.warns(UserWarning, match="need 9 calibration sets"):
        regressor = sw.SetRegressor(**SMALL, coverage=0.9).fit(sets, means)
    assert np.isinf(regressor.predict_interval(sets)).all()
    with pytest.warns(UserWarning, match="need 9 calibration sets"):
        classifier = sw.SetClassifier(**SMALL, coverage=0.9).fit(sets, labels)
    assert classifier.predict_set(sets).all()
    with pytest.raises(RuntimeError, match=r"SetRegressor\(coverage=0.9\)"):
        sw.SetRegressor(**SMALL).fit(sets, means).predict_interval(sets)


def test_metrics_have_intervals_over_sets_or_groups(sets, means, labels):
    regressor = sw.SetRegressor(**SMALL).fit(sets, means)
    found = regressor.evaluate(sets, means)
    assert found.metrics["r2"] == pytest.approx(regressor.score(sets, means))
    low, high = found.intervals["mse"]
    assert low < found.metrics["mse"] < high
    grouped = regressor.evaluate(sets, means, groups=np.arange(30) // 10)
    assert grouped.intervals["mse"] != found.intervals["mse"]
    classifier = sw.SetClassifier(**SMALL).fit(sets, labels)
    assert classifier.evaluate(sets, labels).metrics["accuracy"] == pytest.approx(classifier.score(sets, labels))
    with pytest.raises(InputError, match="y must be among the labels"):
        classifier.evaluate(sets, ["middle"] * 30)
    with pytest.raises(NotFittedError):
        sw.SetClassifier().evaluate(sets, labels)
