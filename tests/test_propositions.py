"""The paper's propositions and remarks, as tests.

Zhang et al. 2022, arXiv 2206.11925.
"""

import pytest
import torch

import setwise as sw
from setwise import SetBatch
from setwise.layers import Elementwise, LayerNorm, Normalisation, Pooling, ResidualBlock, SetNorm

B, S, D = 3, 5, 7
AXIS = {"B": 0, "S": 1, "D": 2}


def _standardise(x, statistics):
    """Standardise per any L, on a dense ``(B, S, D)`` tensor: also those that our class refuses."""
    reduced = [axis for name, axis in AXIS.items() if name not in statistics]
    centred = x - x.mean(reduced, keepdim=True)
    return centred / (centred.square().mean(reduced, keepdim=True) + 1e-5).sqrt()


def _permuted(x, orders):
    return torch.stack([x[i, order] for i, order in enumerate(orders)])


@pytest.mark.parametrize(
    ("statistics", "equivariant"),
    [("", True), ("B", True), ("D", True), ("BS", True), ("BD", True), ("S", False), ("SD", False)],
)
def test_which_statistics_are_equivariant(statistics, equivariant):
    """Proposition 1; the two that fail do so only when sets are permuted independently of each other."""
    x = torch.randn(B, S, D, dtype=torch.float64)
    together = [torch.randperm(S)] * B
    apart = [torch.arange(S).roll(i) for i in range(B)]
    for orders, holds in ((together, True), (apart, equivariant)):
        same = torch.allclose(
            _standardise(_permuted(x, orders), statistics), _permuted(_standardise(x, statistics), orders)
        )
        assert same == holds
    if equivariant:
        ours = Normalisation(D, statistics=statistics, dtype=torch.float64)(SetBatch.from_padded(x)).to_padded()[0]
        torch.testing.assert_close(ours, _standardise(x, statistics))


@pytest.mark.parametrize(
    ("statistics", "lost"), [("", 2), ("B", 2 * B), ("D", 2 * D), ("BS", 2 * B * S), ("BD", 2 * B * D)]
)
@pytest.mark.parametrize("ragged", [False, True])
def test_how_many_numbers_a_norm_loses(statistics, lost, ragged):
    """Rank of the Jacobian: set norm loses two numbers per set, layer norm two per element."""
    sizes = [4, 5, 6] if ragged else [S] * B
    batch = SetBatch.from_list([torch.randn(n, D, dtype=torch.float64) for n in sizes])
    norm = Normalisation(D, statistics=statistics, eps=0.0, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: norm(batch.with_elements(x)).elements, batch.elements).view(
        B * S * D, B * S * D
    )
    assert torch.linalg.matrix_rank(jacobian, rtol=1e-8) == B * S * D - lost


def test_layer_norm_after_a_linear_layer_on_one_feature_sees_only_the_sign():
    linear = Elementwise(torch.nn.Linear(1, D, bias=False, dtype=torch.float64))
    norm = LayerNorm(D, eps=0.0, dtype=torch.float64)
    a, b = (SetBatch.from_list([torch.tensor(v, dtype=torch.float64)[:, None]]) for v in ([1.0, -2, 3], [9.0, -0.1, 5]))
    torch.testing.assert_close(norm(linear(a)).elements, norm(linear(b)).elements)
    set_norm = SetNorm(D, eps=0.0, dtype=torch.float64)
    assert not torch.allclose(set_norm(linear(a)).elements, set_norm(linear(b)).elements)


def test_set_norm_of_one_element_is_layer_norm():
    batch = SetBatch.from_list([torch.randn(1, D)] * 2)
    torch.testing.assert_close(SetNorm(D)(batch).elements, LayerNorm(D)(batch).elements)


def test_replicating_every_element_changes_nothing():
    x = torch.randn(S, D, dtype=torch.float64)
    batch, doubled = SetBatch.from_list([x]), SetBatch.from_list([torch.cat([x, x, x])])
    norm = SetNorm(D, dtype=torch.float64)
    torch.testing.assert_close(norm(doubled).elements[:S], norm(batch).elements)
    torch.testing.assert_close(Pooling("mean")(doubled), Pooling("mean")(batch))
    model = sw.models.build("deep-sets++", D, 2, depth=4, width=8, pool="mean", dtype=torch.float64)
    torch.testing.assert_close(model(doubled), model(batch))


def test_set_norm_sees_no_positive_scale_and_no_shift_common_to_all_features():
    """After a linear layer a scale of the input is such a scale; a shift of the input is not such a shift."""
    batch = SetBatch.from_list([torch.randn(S, D, dtype=torch.float64)])
    norm = SetNorm(D, eps=0.0, dtype=torch.float64)
    linear = Elementwise(torch.nn.Linear(D, D, bias=False, dtype=torch.float64))
    expected = norm(linear(batch)).elements
    torch.testing.assert_close(norm(linear(batch.with_elements(3 * batch.elements))).elements, expected)
    assert not torch.allclose(norm(linear(batch.with_elements(batch.elements + 3))).elements, expected)
    moved = linear(batch)
    torch.testing.assert_close(norm(moved.with_elements(moved.elements + 3)).elements, expected)


def test_equivariant_residuals_keep_the_scale_that_set_norm_removes():
    x = torch.randn(S, D, dtype=torch.float64)
    batch, scaled = SetBatch.from_list([x]), SetBatch.from_list([4 * x])
    norm = SetNorm(D, eps=0.0, dtype=torch.float64)
    torch.testing.assert_close(norm(scaled).elements, norm(batch).elements)
    block = ResidualBlock(D, dtype=torch.float64)
    assert not torch.allclose(block(scaled).elements, block(batch).elements)


def _spread(batch):
    """Return the distance of the elements from their mean, relative to their size."""
    x = batch.elements
    return float((x - x.mean(0)).norm() / x.norm())


def test_mean_residuals_collapse_the_elements_of_a_set():
    """Oversmoothing: 50 layers of mean ARC without a norm; with equivariant residuals the elements stay apart."""
    batch = SetBatch.from_list([torch.randn(101, 32)])
    spread = {}
    with torch.no_grad():
        for residual in ("mean", "equivariant"):
            x = batch
            for _ in range(25):
                x = ResidualBlock(32, norm="none", residual=residual)(x)
            spread[residual] = _spread(x)
    assert _spread(batch) > 0.9
    assert spread["mean"] < 0.01 * _spread(batch)
    assert spread["equivariant"] > 0.2 * _spread(batch)
