"""Runs fitted on sets whose names would be markup, if nobody escaped them."""

import numpy as np
import pyarrow as pa
import pytest

from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.store.store import SetStore
from tests.fixtures.training import train

NASTY = '<script>alert("{}")</script>'


@pytest.fixture(scope="session")
def store() -> SetStore:
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 60, 83)
    sizes[0] = 1
    arrays = [rng.normal(rng.normal(), 1, (int(size), 3)).astype(np.float32) for size in sizes]
    level = np.array([array.mean() for array in arrays])
    sets = pa.table(
        {
            "set_id": [NASTY.format(i) for i in range(83)],
            "<b>$x$": level,
            "y & z": -level,
            "kind": np.array(["<i>low</i>", "{% mid %}", "high"])[np.digitize(level, [-0.5, 0.5])].tolist(),
            "two": np.where(level > 0, "more", "less").tolist(),
        }
    )
    return read(arrays, sets=sets, features=["a", "<u>b</u>", "{{ c }}"])


def fit(store: SetStore, out, *targets: str, **more) -> Run:
    choices = {"depth": 2, "width": 8}
    config = FitConfig.checked(epochs=3, batch_size=11)
    return train(store, targets=list(targets), model_choices=choices, config=config, out=out, progress=False, **more)


@pytest.fixture(scope="session")
def regression(store: SetStore, tmp_path_factory) -> Run:
    return fit(store, tmp_path_factory.mktemp("regression"), "<b>$x$", "y & z")


@pytest.fixture(scope="session")
def classification(store: SetStore, tmp_path_factory) -> Run:
    return fit(store, tmp_path_factory.mktemp("classification"), "kind")


@pytest.fixture(scope="session")
def untested(store: SetStore, tmp_path_factory) -> Run:
    """Fit a run without validation and test sets."""
    return fit(store, tmp_path_factory.mktemp("untested"), "two", validation=0.0, test=0.0)
