"""Fixtures that all tests share."""

import gc
import signal
from pathlib import Path

import pytest
import torch

from setwise.fit import leaderboard
from setwise.metrics import intervals
from setwise.models import cox
from setwise.runs import held_out
from setwise.targets import simple

pytest_plugins = ("tests.fixtures.figures", "tests.fixtures.tables", "tests.fixtures.learning")

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


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and not in what is there by now: a tenth of the time went to looking for it."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _seed():
    """Begin every test with the same random numbers."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _few_draws():
    """Draw 50 times for an interval where nobody says how often, since a thousand draws would be half of many a fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "_MOST_DRAWS", 50)
        patch.setattr(intervals, "_FEWEST_DRAWS", 50)
        patch.setattr(held_out, "_DRAWS", (50, 50))
        patch.setattr(leaderboard, "_DRAWS", 50)
        yield


@pytest.fixture(scope="session", autouse=True)
def _small_baselines():
    """Fit baselines of 20 trees and with two penalties, where a test is not about how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simple._FEW_SETS, "n_estimators", 20)
        patch.setattr(simple, "_CS", (1e-2, 1.0))
        patch.setattr(cox, "_PENALTIES", cox._PENALTIES[2::4])
        yield


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
