"""Fixtures that all tests share."""

import signal
from pathlib import Path

import pytest
import torch

pytest_plugins = ("tests.fixtures.tables", "tests.fixtures.learning")

LONG = (
    "fit/test_resume.py",
    "fit/test_processes.py",
    "runs/test_export.py",
    "validate/test_cross_validation_elements.py",
)
SHARED = Path(__file__).parents[2] / "shared"

# A shell that starts programs in the background has them ignore Ctrl-C, and their children as well; some tests send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first, so that none runs alone in the end."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


@pytest.fixture(autouse=True)
def _seed():
    """Begin every test with the same random numbers."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Return the folder of numbers from the authors' code; tests that need it are skipped where it is absent."""
    if not (SHARED / "golden" / "index.json").is_file():
        pytest.skip("the golden numbers of the authors' code are not beside the project")
    return SHARED / "golden"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data sets; tests that need it are skipped where it is absent."""
    if not (SHARED / "data" / "INDEX.md").is_file():
        pytest.skip("the real data sets are not beside the project")
    return SHARED / "data"
