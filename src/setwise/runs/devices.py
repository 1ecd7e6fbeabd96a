"""Choose the device that a word names."""

import re
from typing import TYPE_CHECKING

from setwise._checks import InputError

if TYPE_CHECKING:
    import torch

DEVICES = r"^(auto|cpu|cuda|cuda:\d+|mps)$"


def check_device(device: str) -> None:
    """Refuse a device that is no device or not on this machine, before anything is computed or replaced.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Raises:
        InputError: such a device.
    """
    if not re.fullmatch(DEVICES, device):
        raise InputError(f"device must be auto, cpu, cuda, cuda:1 or the like, or mps; got {device!r}.")
    if device in ("auto", "cpu"):
        return
    import torch  # a second, which a CPU alone does not need here

    kind, _, number = device.partition(":")
    count = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(kind)
    if count is None or int(number or 0) < count:
        return
    there = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    raise InputError(
        f"device {device!r} is not on this machine, which has {', '.join(['cpu', *there])}. "
        "Choose one of these, or auto."
    )


def chosen_device(device: str) -> "torch.device":
    """Return the device that a word names; "auto" is a CUDA device where there is one.

    Raises:
        InputError: as `check_device`.
    """
    check_device(device)
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
