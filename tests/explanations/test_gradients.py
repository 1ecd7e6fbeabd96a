import numpy as np
import pytest
import torch
from torch import nn

from setwise._checks import InputError
from setwise.explanations.integrated_gradients import TOLERANCE, _along, _integral, integrated_gradients

from .conftest import made_set


def first(outputs):
    return outputs[:, 0].double()


def test_of_a_linear_model_are_the_terms_of_the_sum():
    one = made_set(model="deep-sets", depth=2, width=12, pool="sum")
    weight = torch.tensor([2.0, -3.0, 5.0], dtype=torch.float64)
    one.model.encoder, one.model.decoder = nn.Sequential(), _Linear(weight)
    found = integrated_gradients(one, first, steps=2)
    np.testing.assert_allclose(found.scores, (one.elements @ weight).numpy(), atol=1e-12)
    assert abs(found.error) < 1e-12


def test_of_a_product_by_hand():
    """f = (sum x)^2 has the integrated gradients x_j (sum x)."""
    one = made_set(model="deep-sets", depth=2, width=12, pool="sum")
    one.model.encoder, one.model.decoder = nn.Sequential(), _Square()
    found = integrated_gradients(one, first, steps=2)
    total = one.elements.sum()
    np.testing.assert_allclose(found.scores, (one.elements.sum(1) * total).numpy(), rtol=1e-9)


@pytest.mark.parametrize("model", ["deep-sets", "deep-sets++", "set-transformer", "set-transformer++"])
def test_complete_for_every_family(model):
    one = made_set(model=model, depth=2, width=12, covariates=2, size=31)
    found = integrated_gradients(one, first)
    along = _along(one, np.linspace(0, 1, 97), first)
    assert abs(found.error) <= TOLERANCE * np.ptp(along)
    assert found.scores.sum() == pytest.approx(found.difference + found.error)


def test_chunks_and_low_memory_change_nothing(monkeypatch):
    one = made_set(model="deep-sets++", depth=2, width=12)
    cuts = np.array([0.0, 0.01, 0.2, 1.0])
    whole = _integral(one, cuts, first, 1e-3, 64)
    module = "setwise.explanations.integrated_gradients"
    monkeypatch.setattr(f"{module}._BUDGET", 1)
    assert one.model.memory == "normal"
    torch.testing.assert_close(_integral(one, cuts, first, 1e-3, 64), whole)
    assert one.model.memory == "normal"


def test_categories_are_refused():
    one = made_set(model="deep-sets", depth=2, width=12)
    categories = type(one)(one.model, "a", 3, np.arange(3), torch.zeros(3, 1, dtype=torch.int64), None, 5, print)
    with pytest.raises(InputError, match="categories"):
        integrated_gradients(categories, first)


class _Linear(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, pooled, covariates=None):  # noqa: ARG002 - the decoder's
        return (pooled @ self.weight)[:, None]


class _Square(nn.Module):
    def forward(self, pooled, covariates=None):  # noqa: ARG002 - the decoder's
        return pooled.sum(1, keepdim=True).square()
