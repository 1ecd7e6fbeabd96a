"""Sets whose answer is known: positive ones hold a few elements of a cluster of their own."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise.explanations.one_set import OneSet
from setwise.models import build
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.store.store import SetStore
from tests.fixtures.training import train

SHIFT = np.array([4.0, -4.0, 0.0], np.float32)


@dataclass(frozen=True)
class Rare:
    """Sets, and which of their elements are of the rare cluster."""

    store: SetStore
    rare: tuple[np.ndarray, ...]


@pytest.fixture(scope="session")
def rare() -> Rare:
    rng = np.random.default_rng(0)
    sets, rare, labels = [], [], []
    for i, size in enumerate(rng.integers(31, 72, 113)):
        x, marked = rng.normal(size=(size, 3)).astype(np.float32), np.zeros(size, bool)
        if i % 2:
            marked[rng.choice(size, 3, replace=False)] = True
            x[marked] += SHIFT
        sets.append(x)
        rare.append(marked)
        labels.append("sick" if i % 2 else "well")
    names = [f"set {i}" for i in range(len(sets))]
    table = pa.table({"set_id": names, "state": labels, "age": rng.normal(50, 9, len(sets))})
    return Rare(read(sets, sets=table, features=["u", "v", "w"]), tuple(rare))


def fit(store: SetStore, **more) -> Run:
    config = FitConfig.checked(epochs=more.pop("epochs", 30), batch_size=11, seed=1, ensemble=more.pop("ensemble", 1))
    return train(store, targets=more.pop("targets", ["state"]), config=config, baselines=False, progress=False, **more)


@pytest.fixture(scope="session")
def norm_free(rare: Rare) -> Run:
    """Fit a Deep Sets model, which treats elements alone."""
    return fit(rare.store, model="deep-sets", model_choices={"depth": 2, "width": 17})


@pytest.fixture(scope="session")
def normed(rare: Rare) -> Run:
    """Fit a Deep Sets++ model, whose set norm ties elements to each other."""
    return fit(rare.store, model="deep-sets++", model_choices={"depth": 2, "width": 17})


@pytest.fixture(scope="session")
def attentive(rare: Rare) -> Run:
    """Fit a Set Transformer++ with covariates."""
    choices = {"depth": 2, "width": 16, "heads": 4, "inducing": 5}
    return fit(rare.store, model="set-transformer++", model_choices=choices, covariates=["age"])


def made_set(*, size: int = 23, covariates: int = 0, dtype: torch.dtype = torch.float64, seed: int = 0, **choices):
    """Draw a set of chance elements, and an unfitted model of them."""
    torch.manual_seed(seed)
    model = build(
        choices.pop("model", "deep-sets"), in_features=3, out_features=2, covariates=covariates, dtype=dtype, **choices
    ).eval()
    own = torch.randn(1, covariates, dtype=dtype) if covariates else None
    return OneSet(model, "a", size, np.arange(size), torch.randn(size, 3, dtype=dtype), own, 101, lambda _: None)
