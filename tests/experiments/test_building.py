import math

import pytest
import torch

from experiments.building import CarriedNumbers, build_row, removed_numbers
from experiments.rows import Row
from setwise import SetBatch
from setwise.layers import ResidualBlock, SetNorm
from setwise.tasks import get_task

TASK = get_task("normal-var")


def _build(variant, task=TASK, in_features=3, **choices):
    row = Row("tiny", "tiny", "deep-sets", {"width": 8, "depth": 6, **choices}, variant)
    return build_row(row, task, in_features=in_features, seed=5)


def _gradient_of_first_layer(model):
    batch = SetBatch.from_list([torch.randn(11, 3), torch.randn(1, 3)])
    model(batch).square().sum().backward()
    return next(model.parameters()).grad.norm()


def test_he_keeps_the_gradient_of_a_deep_plain_model():
    plain, he = _build("plain", depth=50), _build("he", depth=50)
    assert _gradient_of_first_layer(plain) < 1e-8
    assert _gradient_of_first_layer(he) > 1e-6


def test_blocks_that_begin_at_zero_are_the_identity():
    model = _build("zero", norm="set", residual="equivariant")
    batch = SetBatch.from_list([torch.randn(5, 8), torch.randn(1, 8)])
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    assert len(blocks) == 3
    assert all(torch.equal(block(batch).elements, batch.elements) for block in blocks)


def test_removed_numbers_are_mean_and_log_spread_of_each_set():
    sets = [torch.randn(7, 5) * 3 + 2, torch.randn(1, 5)]
    expected = [[x.mean().item(), math.log(x.double().std(correction=0).item())] for x in sets]
    assert torch.allclose(removed_numbers(SetBatch.from_list(sets)), torch.tensor(expected), atol=1e-4)


@pytest.mark.parametrize("residual", ["none", "equivariant"])
def test_carried_numbers_see_the_scale_that_set_norm_removes(residual):
    torch.manual_seed(0)
    batch = SetBatch.from_list([torch.randn(7, 3), torch.randn(13, 3)])
    model = _build("carried", width=32, norm="set", residual=residual)
    assert isinstance(model, CarriedNumbers)
    norms = [module for module in model.modules() if isinstance(module, SetNorm)]
    assert model.spec.covariates == 2 * len(norms) == 14
    plain = _build("plain", width=32, norm="set", residual="none")
    scaled = batch.with_elements(batch.elements * 4)
    assert torch.allclose(plain(batch), plain(scaled), atol=1e-4)
    assert not torch.allclose(model(batch), model(scaled), atol=1e-3)
    assert torch.allclose(model(batch)[1:], model(batch[1]), atol=1e-5)


def test_the_anomaly_task_gives_an_output_per_element():
    from setwise.tasks.task import Task

    task = Task("x", "x", "anomaly", 1, "x", TASK.reader)
    model = _build("plain", task, norm="set", residual="equivariant")
    logits = model(SetBatch.from_list([torch.randn(5, 3), torch.randn(2, 3)]))
    assert logits.shape == (2, 5)
    assert torch.equal(torch.isinf(logits), torch.tensor([[False] * 5, [False] * 2 + [True] * 3]))
