"""Sets as rows of a table: what the columns hold, what is refused, and how scikit-learn puts estimators together."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import NotFittedError

import setwise as sw
from setwise._checks import InputError
from tests.fixtures.estimators import cloned


def test_columns_have_their_names():
    sets = [np.array([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]]), np.array([[2.0, -1.0]])]
    table = pd.DataFrame(sw.SetSummaries().fit_transform(sets))
    table.columns = sw.SetSummaries().fit(sets).get_feature_names_out()
    assert table["log size"].tolist() == [np.log(3), 0]
    assert table["mean of x0"].tolist() == [4, 2]
    assert table["standard deviation of x0"].tolist() == [np.std([1, 3, 8]), 0]
    assert table["quantile 0.5 of x0"].tolist() == [3, 2]
    assert table["quantile 1 of x1"].tolist() == [5, -1]
    assert table["skewness of x1"].tolist() == [0, 0]


def test_a_table_of_elements_may_have_its_columns_in_any_order():
    cells = pd.DataFrame({"set_id": [1, 1, 2], "volume": [1.0, 3.0, 4.0], "hemoglobin": [7.0, 8.0, 9.0]})
    summaries = sw.SetSummaries().fit(cells)
    again = cells[["hemoglobin", "set_id", "volume"]].assign(other=1.0)
    assert (summaries.transform(again) == summaries.transform(cells)).all()
    with pytest.raises(InputError, match="hemoglobin"):
        summaries.transform(cells.drop(columns="hemoglobin"))
    with pytest.raises(InputError, match=r"the features of the fit, volume, hemoglobin of shape \(2,\); got x0"):
        summaries.transform([np.zeros((3, 1))])
    turned = sw.SetSummaries().fit(cells[["set_id", "hemoglobin", "volume"]])
    names = turned.get_feature_names_out().tolist()
    assert names != summaries.get_feature_names_out().tolist()
    columns = [names.index(name) for name in summaries.get_feature_names_out()]
    assert (turned.transform(cells)[:, columns] == summaries.transform(cells)).all()


def test_labels_in_another_order_than_the_sets_are_refused():
    cells = pd.DataFrame({"set_id": ["b", "b", "a"], "volume": [1.0, 3.0, 4.0]})
    trees = make_pipeline(sw.SetSummaries(), RandomForestClassifier(3))
    with pytest.raises(InputError, match="in the order in which the sets first appear"):
        trees.fit(cells, pd.Series([0, 1], index=["a", "b"]))


def test_output_is_an_array_whatever_scikit_learn_is_told():
    cells = pd.DataFrame({"set_id": ["b", "b", "a"], "volume": [1.0, 3.0, 4.0]})
    with config_context(transform_output="pandas"):
        assert isinstance(sw.SetSummaries().fit_transform(cells), np.ndarray)


def test_images_have_no_names_for_their_pixels():
    summaries = sw.SetSummaries().fit([np.zeros((2, 1, 3, 5))])
    assert len(summaries.get_feature_names_out()) == summaries.transform([np.ones((4, 1, 3, 5))]).shape[1]
    with pytest.raises(InputError, match=r"got element of shape \(1, 5, 3\)"):
        summaries.transform([np.ones((4, 1, 5, 3))])


def test_columns_and_names_are_as_many_where_features_are_many():
    sets = [np.zeros((2, 500))]
    summaries = sw.SetSummaries().fit(sets)
    assert len(summaries.get_feature_names_out()) == summaries.transform(sets).shape[1] == 1 + 2 * 500


def test_nothing_before_the_fit():
    with pytest.raises(NotFittedError):
        sw.SetSummaries().transform([np.zeros((3, 1))])


def test_scikit_learn_averages_it_with_a_model_of_sets():
    rng = np.random.default_rng(0)
    labels = np.array(["high", "low"] * 11)
    sets = [rng.normal(label == "high", 1.0, (rng.integers(3, 17), 2)) for label in labels]
    model = sw.SetClassifier(epochs=3, depth=2, width=8, random_state=0)
    trees = make_pipeline(sw.SetSummaries(), RandomForestClassifier(20, random_state=0))
    both = VotingClassifier([("model", model), ("trees", trees)], voting="soft")
    numbers = (labels == "low").astype(int)  # as VotingClassifier gives them to its parts
    alone = [cloned(part).fit(sets, numbers).predict_proba(sets) for part in (model, trees)]
    np.testing.assert_allclose(both.fit(sets, labels).predict_proba(sets), np.mean(alone, 0), atol=1e-6)
    assert pickle.loads(pickle.dumps(both)).predict(sets).tolist() == both.predict(sets).tolist()
    assert cross_val_score(both, sets, labels, cv=2).shape == (2,)
