import numpy as np
import pytest
import torch

from setwise.batch import SetBatch
from setwise.explanations.leave_one_out import FROZEN, POOLED, RECOMPUTED, leave_one_out
from setwise.explanations.one_set import load_set
from setwise.models import SetModel, build
from setwise.variants import POOLS

from .conftest import made_set


def first(outputs):
    return outputs[:, 0].double()


def by_hand(one):
    """Pass every set of n - 1 elements alone through the model."""

    def answer(elements):
        with torch.no_grad():
            return float(first(one.model(SetBatch.from_list([elements], one.covariates)))[0])

    rest = [torch.cat([one.elements[:j], one.elements[j + 1 :]]) for j in range(len(one))]
    return answer(one.elements) - np.array([answer(elements) for elements in rest])


@pytest.mark.parametrize("covariates", [0, 2])
@pytest.mark.parametrize("pool", POOLS)
def test_from_the_pooled_vector_is_exact_where_elements_are_alone(pool, covariates):
    one = made_set(model="deep-sets", depth=2, width=12, pool=pool, covariates=covariates)
    scores, how = leave_one_out(one, first, exact_limit=0)
    assert how == POOLED
    np.testing.assert_allclose(scores, by_hand(one), atol=1e-12)


def test_pooled_by_a_pooling_that_one_element_fills():
    one = made_set(model="deep-sets", depth=2, width=12, pool="attention", size=7)
    with torch.no_grad():
        one.elements[3] *= 1e4  # takes all the attention, so that nothing is left to subtract from
    scores, _ = leave_one_out(one, first, exact_limit=0)
    np.testing.assert_allclose(scores, by_hand(one), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", ["deep-sets++", "set-transformer", "set-transformer++"])
def test_recomputed_is_exact(model):
    one = made_set(model=model, depth=2, width=12, covariates=2)
    scores, how = leave_one_out(one, first, exact_limit=len(one))
    assert how == RECOMPUTED
    np.testing.assert_allclose(scores, by_hand(one), atol=1e-12)


def test_frozen_keeps_what_the_whole_set_gave():
    one = made_set(model="deep-sets++", depth=2, width=12, pool="mean")
    model = one.model
    assert isinstance(model, SetModel)
    scores, how = leave_one_out(one, first, exact_limit=len(one) - 1)
    assert how == FROZEN
    with torch.no_grad():
        encoded = model.encoder(one.batch()).elements
        pooled = torch.stack([torch.cat([encoded[:j], encoded[j + 1 :]]).mean(0) for j in range(len(one))])
        want = first(model.decoder(encoded.mean(0, keepdim=True))) - first(model.decoder(pooled))
    np.testing.assert_allclose(scores, want.numpy(), atol=1e-12)


def test_frozen_comes_near_to_exact_in_a_shallow_fitted_model(normed, rare):
    one = load_set(normed, rare.store, 3)
    frozen, exact = (leave_one_out(one, first, exact_limit=limit)[0] for limit in (0, len(one)))
    assert np.corrcoef(frozen, exact)[0, 1] > 0.9


@pytest.mark.parametrize("limit", [0, 5])
@pytest.mark.parametrize("model", ["deep-sets", "deep-sets++"])
def test_the_only_element_has_no_score(model, limit):
    scores, _ = leave_one_out(made_set(model=model, depth=2, width=12, size=1), first, exact_limit=limit)
    assert np.isnan(scores).all()


def test_two_elements():
    one = made_set(model="deep-sets", depth=2, width=12, pool="max", size=2)
    np.testing.assert_allclose(leave_one_out(one, first, exact_limit=0)[0], by_hand(one), atol=1e-12)


@pytest.mark.parametrize(
    ("choices", "tie"),
    [
        ({"model": "deep-sets"}, None),
        ({"model": "deep-sets", "norm": "layer"}, None),
        ({"model": "deep-sets", "norm": "feature"}, None),
        ({"model": "deep-sets", "norm": "feature-by-set"}, "statistics of the batch"),
        ({"model": "deep-sets++"}, "set norm"),
        ({"model": "deep-sets++", "norm": "none"}, None),
        ({"model": "deep-sets++", "norm": "rms-set"}, "RMS set norm"),
        ({"model": "deep-sets++", "norm": "layer", "residual": "mean"}, "aggregated residuals"),
        ({"model": "set-transformer"}, "attention between elements"),
        ({"model": "set-transformer++"}, "attention between elements and set norm"),
    ],
)
def test_what_ties_elements(choices, tie):
    model = build(choices.pop("model"), in_features=3, out_features=2, depth=2, width=12, **choices).eval()
    assert isinstance(model, SetModel)
    assert model.ties() == tie
    batch = SetBatch.from_list([torch.randn(7, 3)])
    other = SetBatch.from_list([torch.cat([batch.elements[:5], 9 * torch.randn(2, 3)])])
    with torch.no_grad():
        first, second = (model.encoder(x).elements[:5] for x in (batch, other))
    assert torch.allclose(first, second, atol=1e-6) == (tie is None)
