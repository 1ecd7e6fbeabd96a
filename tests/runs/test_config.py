"""Choices are checked by name."""

import pytest
import torch

from setwise._checks import InputError
from setwise.runs.config import FitConfig
from setwise.runs.devices import check_device


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epoch": 3}, r"no choice named 'epoch'; there are epochs, "),
        ({"epochs": 0}, r"epochs must be at least 1; got 0"),
        ({"learning_rate": float("nan")}, r"learning_rate: .*got nan"),
        ({"device": "gpu"}, r"device: .*got 'gpu'"),
        ({"optimizer": "sgd"}, r"optimizer must be one of .adamw. or .adam.; got .sgd."),
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


def test_what_every_machine_has():
    check_device("auto")
    check_device("cpu")


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cuda:", "", "cpu:1", "cpu\n"])
def test_what_is_no_device(device):
    with pytest.raises(InputError, match="device must be auto, cpu"):
        check_device(device)


def test_what_this_machine_lacks(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda:1")
    with pytest.raises(InputError, match=r"cuda:2.*cpu, cuda:0, cuda:1"):
        FitConfig.checked(device="cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match="'cuda' is not on this machine"):
        check_device("cuda")
