"""Everything that there is to measure on a GPU, in one command of under ten minutes: ``python -m benchmarks gpu``."""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmarks import gpu_layers, gpu_models
from benchmarks.rows import Row, append, conditions
from setwise._checks import InputError

TESTS = (
    "tests/ops/test_triton.py",
    "tests/ops/test_gpu_attention.py",
    "tests/benchmarks/test_gpu.py",
    "tests/fit/test_cuda_graph.py",
)
_SECONDS_OF_TESTS = 240


@dataclass(frozen=True)
class Plan:
    """What is measured, and how large; `TINY` shows on a CPU that the script runs.

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
    """What to measure.

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


def measure(chosen: Plan, *, minutes: float, skip_tests: bool, anyway: bool, results: Path | None) -> bool:
    """Run every section, print what it finds, add its rows to the results; whether all went well.

    Args:
        chosen: what to measure.
        minutes: after which no further section begins.
        skip_tests: whether the tests passed already.
        anyway: whether to measure where tests fail.
        results: the file that rows are added to, or none.
    """
    began = time.monotonic()
    same = conditions(chosen.device) | {"torch": f"{torch.__version__}, triton {version('triton')}"}
    print(same["device"], same["torch"], same["commit"], flush=True)
    if not skip_tests and not _tests_pass(chosen) and not anyway:
        print("Tests failed, so no speed is told. --anyway measures all the same.")
        return False
    fine = True
    for section in SECTIONS:
        if time.monotonic() - began > 60 * minutes:
            print(f"out of time: {section.__name__} and what follows are left out")
            return False
        print(f"\n## {(section.__doc__ or '').splitlines()[0]}", flush=True)
        try:
            for row in section(chosen):
                if results is not None:
                    append([same | row], results)
        except Exception:  # a section that fails must not take the others with it
            traceback.print_exc(limit=-3, file=sys.stdout)
            fine = False
    print(f"\n{time.monotonic() - began:.0f} s")
    return fine


def _tests_pass(chosen: Plan) -> bool:
    tests = list(TESTS)
    if find_spec("pydantic") is None:
        print(f"{tests.pop()} is left out: the fit loop needs pydantic, which is not installed")
    # Warnings of versions that are not pinned here are no failures.
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-W", "default", *chosen.test_options, *tests]
    try:
        return subprocess.run(command, timeout=_SECONDS_OF_TESTS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"the tests took more than {_SECONDS_OF_TESTS} s")
        return False


SECTIONS: tuple[Callable[[Plan], Iterator[Row]], ...] = (
    gpu_layers.blocks,
    gpu_layers.fused_layers,
    gpu_layers.attention,
    gpu_models.no_wait,
    gpu_models.captured_steps,
    gpu_models.models,
)
