"""Measure on a GPU everything that matters, in one command of under ten minutes: ``python -m benchmarks gpu``."""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmarks import gpu_layers, gpu_models
from benchmarks.gpu_plan import Plan
from benchmarks.rows import Row, append, conditions

TESTS = (
    "tests/ops/test_triton.py",
    "tests/ops/test_gpu_attention.py",
    "tests/benchmarks/test_gpu.py",
    "tests/fit/test_cuda_graph.py",
)
_SECONDS_OF_TESTS = 240


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
