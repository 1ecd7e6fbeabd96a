"""Choices are checked by name."""

import pytest

from setwise._checks import InputError
from setwise.training.config import FitConfig


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epoch": 3}, r"no choice named 'epoch'; there are epochs, "),
        ({"epochs": 0}, r"epochs: input should be greater than or equal to 1; got 0"),
        ({"learning_rate": float("nan")}, r"learning_rate: .*got nan"),
        ({"device": "gpu"}, r"device: .*got 'gpu'"),
        ({"optimizer": "sgd"}, r"optimizer: input should be 'adamw' or 'adam'; got 'sgd'"),
    ],
)
def test_wrong_choices_are_refused(choices, message):
    with pytest.raises(InputError, match=message):
        FitConfig.checked(**choices)


def test_config_survives_json_and_is_frozen():
    config = FitConfig.checked(epochs=3, optimizer="adam", clip=None)
    assert FitConfig.model_validate_json(config.model_dump_json()) == config
    assert config.weight_decay == 0.0
    assert FitConfig.checked(optimizer="adam", weight_decay=0.1).weight_decay == 0.1
    with pytest.raises(ValueError, match="frozen"):
        config.epochs = 5  # type: ignore[misc]
