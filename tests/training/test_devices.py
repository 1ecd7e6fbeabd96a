"""Devices are known and there, or refused by name before anything happens."""

import pytest
import torch

from setwise._checks import InputError
from setwise.training import FitConfig
from setwise.training.devices import check_device


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
