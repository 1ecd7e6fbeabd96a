"""Several targets in one objective."""

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.targets import Classes, Number, Objective, Ordinal

MIXED = Objective.join(
    Number(target="age", mean=40.0, std=10.0, share=0.5),
    Classes(target="cmv", classes=("no", "yes")),
    Ordinal(target="stage", classes=("I", "II", "III")),
)
VALUES = np.array([[50.0, "yes", None], [None, "no", "III"], [np.nan, None, "I"]], dtype=object)


def test_the_first_format_is_read():
    old = {"kind": "regression", "targets": ["a", "b"], "mean": [1.0, 2.0], "std": [3.0, 4.0]}
    expected = Objective.join(Number(target="a", mean=1.0, std=3.0), Number(target="b", mean=2.0, std=4.0))
    assert Objective.model_validate(old) == expected
    old = {"kind": "classification", "target": "kind", "classes": ["x", "y"]}
    assert Objective.model_validate(old) == Objective.join(Classes(target="kind", classes=("x", "y")))


def test_damaged_objectives_are_refused():
    with pytest.raises(ValueError, match="kind"):
        Objective.model_validate({"kind": "ranking"})
    with pytest.raises(ValueError, match="one name and one number each"):
        Objective.model_validate({"kind": "regression", "targets": ["a"], "mean": [0.0, 1.0], "std": [1.0]})


@pytest.mark.parametrize(
    ("heads", "kind"),
    [
        (["number", "number"], "regression"),
        (["two"], "classification"),
        (["two", "two"], "multi-label"),
        (["two", "three"], "classification"),
        (["order"], "ordinal"),
        (["number", "two"], "mixed"),
    ],
)
def test_kinds_in_a_word(heads, kind):
    made = {
        "number": lambda name: Number(target=name),
        "two": lambda name: Classes(target=name, classes=("0", "1")),
        "three": lambda name: Classes(target=name, classes=("0", "1", "2")),
        "order": lambda name: Ordinal(target=name, classes=("0", "1", "2")),
    }
    assert Objective.join(*(made[head](f"t{i}") for i, head in enumerate(heads))).kind == kind


def test_each_target_has_its_outputs_and_its_columns():
    assert (MIXED.out_features, MIXED.width) == (1 + 2 + 2, 1 + 2 + 3)
    encoded = MIXED.encode(VALUES)
    nan = np.nan
    np.testing.assert_array_equal(encoded.numpy(), [[1, 1, nan], [nan, 0, 2], [nan, nan, 0]])
    np.testing.assert_array_equal(MIXED.truth(VALUES)[:, 0], [50, nan, nan])
    outputs = torch.randn(3, 5, dtype=torch.float64)
    columns = MIXED.decode(outputs)
    assert list(columns) == [
        "predicted_age", "predicted_cmv", "probability_cmv_no", "probability_cmv_yes",
        "predicted_stage", "probability_stage_I", "probability_stage_II", "probability_stage_III",
    ]  # fmt: skip
    np.testing.assert_allclose(columns["predicted_age"], outputs[:, 0] * 10 + 40)


def test_missing_labels_cost_nothing_and_the_others_count_for_them():
    outputs = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    losses = MIXED.losses(outputs, MIXED.encode(VALUES))
    age, cmv, stage = MIXED.targets
    one = torch.tensor([1.0], dtype=torch.float64)
    expected = torch.stack(
        [
            age.losses(outputs[:1, :1], one)[0] / 0.5 + cmv.losses(outputs[:1, 1:3], one)[0],
            cmv.losses(outputs[1:2, 1:3], 0 * one)[0] + stage.losses(outputs[1:2, 3:], 2 * one)[0],
            stage.losses(outputs[2:, 3:], 0 * one)[0],
        ]
    )
    torch.testing.assert_close(losses, expected / 3)
    MIXED.loss(outputs, MIXED.encode(VALUES)).backward()
    assert outputs.grad is not None
    assert (outputs.grad[1:, 0] == 0).all()
    assert (outputs.grad[2, :3] == 0).all()


def test_weights_of_sets_weigh_their_losses():
    outputs, encoded = torch.randn(3, 5), MIXED.encode(VALUES)
    weights = torch.tensor([0.5, 2.0, 0.5])
    expected = (MIXED.losses(outputs, encoded) * weights).mean()
    torch.testing.assert_close(MIXED.loss(outputs, encoded, weights), expected)


def test_two_columns_of_one_name_are_refused():
    heads = [Classes(target=name, classes=classes) for name, classes in (("a", ("b_c", "x")), ("a_b", ("c", "y")))]
    with pytest.raises(InputError, match="probability_a_b_c"):
        Objective.join(*heads)
