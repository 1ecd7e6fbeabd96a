"""Targets to numbers and back."""

import json

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.training.objectives import Classification, Regression, objective_from_dict


def test_regression_standardises_and_restores():
    values = np.array([[1.0, 100.0], [2.0, 300.0], [6.0, 800.0]])
    objective = Regression.fit(["a", "b"], values)
    encoded = objective.encode(values)
    np.testing.assert_allclose(encoded.numpy().mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(encoded.numpy().std(0), 1)
    assert objective.out_features == 2
    columns = objective.decode(encoded)
    np.testing.assert_allclose(columns["predicted_a"], values[:, 0])
    np.testing.assert_allclose(columns["predicted_b"], values[:, 1])
    assert float(objective.loss(encoded.float() + 2.0, encoded)) == pytest.approx(4.0)


def test_regression_without_standardisation_is_the_identity():
    values = np.array([[1.0], [2.0]])
    objective = Regression.fit(["a"], values, standardise=False)
    np.testing.assert_array_equal(objective.encode(values).numpy(), values)


def test_constant_target_is_refused_by_name():
    with pytest.raises(InputError, match=r"target 'b' must vary among the training sets; all 3 have 7"):
        Regression.fit(["a", "b"], np.array([[1.0, 7.0], [2.0, 7.0], [6.0, 7.0]]))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["no", "yes", "no"], ("no", "yes")),
        ([3, 1, 2, 1], (1, 2, 3)),
        ([True, False], (False, True)),
        (np.array([0.5, 1.5]), (0.5, 1.5)),
    ],
)
def test_classes_keep_their_type_through_json(labels, classes):
    objective = Classification.fit("kind", labels)
    again = objective_from_dict(json.loads(json.dumps(objective.to_dict())))
    assert again == objective
    assert objective.classes == classes
    assert [type(x) for x in again.classes] == [type(x) for x in classes]
    encoded = again.encode(labels)
    assert [objective.classes[k] for k in encoded] == list(labels)
    columns = again.decode(torch.nn.functional.one_hot(encoded, len(classes)) * 9.0)
    assert columns["predicted_kind"].tolist() == list(labels)
    total = sum(columns[f"probability_{label}"] for label in classes)
    np.testing.assert_allclose(total, 1)


def test_single_class_is_refused():
    with pytest.raises(InputError, match=r"must have two classes at least .* all 2 are 'a'"):
        Classification.fit("kind", ["a", "a"])


def test_unknown_class_is_refused():
    with pytest.raises(InputError, match=r"one of the classes of the training sets, 'a', 'b'; got 'c'"):
        Classification.fit("kind", ["a", "b"]).encode(["a", "c"])


def test_damaged_objective_is_refused():
    with pytest.raises(ValueError, match="kind"):
        objective_from_dict({"kind": "ranking"})
