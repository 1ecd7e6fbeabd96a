"""One target each: values to numbers and back."""

import json

import numpy as np
import pytest
import torch
from scipy.special import expit

from setwise._checks import InputError
from setwise.targets import Classes, Number, Objective, Ordinal
from setwise.targets.ordinal import median_class


def test_regression_standardises_and_restores():
    values = np.array([1.0, 2.0, 6.0])
    head = Number.fit("a", values)
    encoded = head.encode(values)
    assert encoded.mean() == pytest.approx(0, abs=1e-12)
    assert encoded.std() == pytest.approx(1)
    np.testing.assert_allclose(head.predict(torch.from_numpy(encoded)[:, None])[:, 0], values)
    np.testing.assert_array_equal(Number.fit("a", values, standardise=False).encode(values), values)


def test_missing_numbers_stay_out_of_the_statistics():
    head = Number.fit("a", np.array([1.0, np.nan, 3.0, np.nan]))
    assert (head.mean, head.std, head.share) == (2.0, 1.0, 0.5)
    np.testing.assert_array_equal(head.encode(np.array([np.nan, 4.0])), [np.nan, 2.0])


def test_constant_and_unknown_targets_are_refused_by_name():
    with pytest.raises(InputError, match=r"target 'b' must vary among the training sets; all 3 have 7"):
        Number.fit("b", np.array([7.0, 7.0, 7.0]))
    with pytest.raises(InputError, match="target 'b' must be known for some training sets"):
        Number.fit("b", np.array([np.nan, np.nan]))
    with pytest.raises(InputError, match="target 'b' must be known for some training sets"):
        Classes.fit("b", [None, None])


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
    objective = Objective.join(Classes.fit("kind", labels))
    again = Objective.model_validate(json.loads(json.dumps(objective.to_dict())))
    assert again == objective
    (head,) = again.targets
    assert isinstance(head, Classes)
    assert head.classes == classes
    assert [type(x) for x in head.classes] == [type(x) for x in classes]
    encoded = again.encode(labels)[:, 0].long()
    assert [head.classes[k] for k in encoded] == list(labels)
    columns = again.decode(torch.nn.functional.one_hot(encoded, len(classes)) * 9.0)
    assert columns["predicted_kind"].tolist() == list(labels)
    np.testing.assert_allclose(sum(columns[f"probability_{label}"] for label in classes), 1)


def test_single_and_unknown_classes_are_refused():
    with pytest.raises(InputError, match=r"must have two classes at least .* all 2 are 'a'"):
        Classes.fit("kind", ["a", "a", None])
    with pytest.raises(InputError, match=r"one of the classes of the training sets, 'a', 'b'; got 'c'"):
        Classes.fit("kind", ["a", "b"]).encode(["a", "c"])


def test_weights_of_classes_weigh_their_losses():
    plain = Classes(target="kind", classes=("a", "b"))
    weighed = plain.model_copy(update={"weights": (0.5, 3.0)})
    outputs, encoded = torch.randn(5, 2), torch.tensor([0.0, 1, 1, 0, 1])
    expected = plain.losses(outputs, encoded) * torch.tensor([0.5, 3, 3, 0.5, 3])
    torch.testing.assert_close(weighed.losses(outputs, encoded), expected)


def test_ordinal_probabilities_are_differences_of_logistic_curves():
    head = Ordinal.fit("stage", ["II", "I", "III", "IV"], order=["I", "II", "III", "IV"])
    assert (head.out_features, head.width) == (3, 4)
    outputs = torch.tensor([[0.3, -1.0, 2.0], [-2.0, 0.0, 0.5]], dtype=torch.float64)
    first, second = outputs[:, 0].numpy(), np.log1p(np.exp(outputs[:, 1:].numpy()))
    above = expit(np.stack([first, first - second[:, 0], first - second.sum(1)], 1))
    expected = -np.diff(np.concatenate([np.ones((2, 1)), above, np.zeros((2, 1))], 1))
    np.testing.assert_allclose(head.predict(outputs).numpy(), expected, rtol=1e-12)
    losses = head.losses(outputs, torch.tensor([2.0, 0.0], dtype=torch.float64))
    np.testing.assert_allclose(losses.numpy(), -np.log([expected[0, 2], expected[1, 0]]), rtol=1e-12)


def test_ordinal_losses_stay_finite_far_away():
    head = Ordinal(target="stage", classes=(0, 1, 2))
    outputs = torch.tensor([[80.0, -90.0], [-80.0, 90.0]], requires_grad=True)
    losses = head.losses(outputs, torch.tensor([0.0, 2.0]))
    losses.sum().backward()
    assert outputs.grad is not None
    assert torch.isfinite(losses).all()
    assert torch.isfinite(outputs.grad).all()


def test_ordinal_takes_numbers_by_size_and_text_by_the_order_that_is_given():
    assert Ordinal.fit("grade", ["10", "2", "1"]).classes == ("1", "2", "10")
    with pytest.raises(InputError, match=r"Give the order.*--order stage=LOW,MIDDLE,HIGH"):
        Ordinal.fit("stage", ["I", "II"])
    with pytest.raises(InputError, match=r"must name all its classes; got 'I', which lacks 'II'"):
        Ordinal.fit("stage", ["I", "II"], order=["I"])
    with pytest.raises(InputError, match="must name each class once"):
        Ordinal.fit("stage", ["I", "II"], order=["I", "II", "I"])


def test_the_median_class_costs_least_in_ranks():
    shares = np.array([[0.4, 0.25, 0.35], [0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])
    cost = np.abs(np.arange(3)[:, None] - np.arange(3)) @ shares.T
    np.testing.assert_array_equal(median_class(shares), cost.argmin(0))
