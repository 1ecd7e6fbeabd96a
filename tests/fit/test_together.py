"""Members that are fitted together are those that are fitted one after the other."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import setwise as sw
from setwise.fit import members
from setwise.fit.joint_model import JointModel
from setwise.fit.joint_part import batch_sizes
from setwise.fit.study import Study
from setwise.models import build
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.outputs import predictions_of
from tests.fixtures.stacks import use_small


def store_of(count=40):
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 2, 1, (draw.integers(1, 9), 3)) for i in range(count)]
    columns = {"y": [float(i % 2 + i / count) for i in range(count)], "age": draw.normal(50, 9, count)}
    return read(sets, sets=pa.table(columns | {"weight": draw.uniform(1, 2, count)}))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    use_small(monkeypatch)


def fitted(**choices):
    config = FitConfig(device="cpu", ensemble=5, epochs=4, batch_size=8, learning_rate=1e-2)
    study = Study(targets="y", model="auto", config=config, test=0.0, **choices)
    return sw.train(store_of(), study, baselines=False, intervals=False)


@pytest.mark.parametrize("choices", [{}, {"covariates": ["age"], "weight_column": "weight"}])
def test_members_predict_what_those_fitted_alone_do(monkeypatch, choices):
    rows = np.arange(40)
    together = predictions_of(fitted(**choices), store_of(), rows)
    monkeypatch.setattr(members, "fit_together", lambda *_, **__: None)
    np.testing.assert_allclose(together, predictions_of(fitted(**choices), store_of(), rows), rtol=0, atol=1e-3)


def test_batches_of_unlike_counts_are_as_many():
    for counts in ([58, 59, 40], [7, 7, 6], [1, 50], [32] * 5):
        found = batch_sizes(counts, 7)
        assert len({-(-count // size) for count, size in zip(counts, found, strict=True)}) == 1


def test_a_layer_that_cannot_be_joined_is_left_alone():
    networks = [build("set-transformer++", 3, 1, depth=1, width=8, heads=2) for _ in range(2)]
    assert JointModel.of(networks) is None


def test_each_member_is_clipped_by_its_own_gradient():
    networks = [build("deep-sets++", 3, 1, depth=2, width=8) for _ in range(2)]
    joint = JointModel.of(networks)
    assert joint is not None
    for p in joint.parameters():
        p.grad = torch.zeros_like(p)
        p.grad[1] = 1.0
    largest = joint.clip_gradients(1.0)
    gradients = [p.grad for p in joint.parameters() if p.grad is not None]
    assert largest > 1
    assert sum(float(g[1].square().sum()) for g in gradients) == pytest.approx(1.0, rel=1e-4)
