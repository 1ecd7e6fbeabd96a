"""Plan what is measured on a GPU, and how large."""

import os
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from setwise._checks import InputError


@dataclass(frozen=True)
class Plan:
    """Plan of the measurements, and their sizes; a tiny one shows on a CPU that the script runs.

    Attributes:
        device: where.
        batches: sizes of the sets, by name.
        small: sets and elements of each, of a batch whose kernels are over before they are launched.
        widths: of the layers; the models have the first.
        depth: linear layers of the models.
        blocks: residual blocks in a row, so many that caches do not hold them.
        dtypes: what is measured in.
        copied: bytes of the copy that measures bandwidth.
        side: of the matrices that measure the rate of products.
        seconds: for each number, about.
        test_options: of pytest.
    """

    device: torch.device
    batches: dict[str, list[int]]
    small: tuple[int, int]
    widths: tuple[int, ...]
    depth: int
    blocks: int
    dtypes: tuple[torch.dtype, ...]
    copied: int
    side: int
    seconds: float
    test_options: tuple[str, ...]


def _log_uniform(sets: int, smallest: int, largest: int) -> list[int]:
    first, last = (torch.tensor(float(n)).log10().item() for n in (smallest, largest))
    return torch.logspace(first, last, sets).round().int().tolist()


def plan(*, tiny: bool) -> Plan:
    """Plan the measurements for the device at hand.

    Raises:
        InputError: there is no GPU, and nothing tiny is asked for; or no Triton.
    """
    if find_spec("triton") is None:
        raise InputError("Triton must be installed; it is not. Run: pip install -c constraints.txt '.[gpu]'.")
    if tiny:
        if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
            raise InputError("without a GPU, Triton must interpret its kernels. Set TRITON_INTERPRET=1 beside --tiny.")
        return Plan(
            torch.device("cuda" if torch.cuda.is_available() else "cpu"),
            {"uniform 3x5": [5] * 3, "ragged 1 to 140": [1, 7, 140]},
            small=(3, 5),
            widths=(16,),
            depth=2,
            blocks=1,
            dtypes=(torch.float16,),  # the interpreter multiplies bfloat16 wrongly
            copied=1 << 12,
            side=16,
            seconds=0.0,
            test_options=("-k", "far_from_the_rest or padded or off"),
        )
    if not torch.cuda.is_available():
        raise InputError("there must be a GPU that torch can use; there is none. --tiny shows that the script runs.")
    return Plan(
        torch.device("cuda"),
        {"uniform 64x1,000": [1000] * 64, "ragged 64 of 50 to 5,000": _log_uniform(64, 50, 5000)},
        small=(32, 10),
        widths=(128, 256),
        depth=10,
        blocks=8,
        dtypes=(torch.bfloat16, torch.float32),
        copied=1 << 30,
        side=8192,
        seconds=0.5,
        test_options=(),
    )
