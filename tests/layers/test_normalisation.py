"""The norms against the plain formula, their stability far from zero, their running statistics and refusals."""

import pytest
import torch

from setwise import SetBatch, SetLayout
from setwise._checks import InputError
from setwise.layers import FeatureNorm, LayerNorm, Normalisation, SetNorm

AXES = {"": (0, 1), "B": (0, 1), "D": (0,), "BS": (1,), "BD": (0,)}
RAGGED, DENSE, LARGE = (5, 1, 3, 13), (7, 7, 7), (211, 2, 97)


def _formula(x, sizes, statistics, eps=1e-5):
    """Compute the paper's first step by its definition."""

    def standardised(part):
        mean = part.mean(AXES[statistics], keepdim=True)
        variance = (part - mean).square().mean(AXES[statistics], keepdim=True)
        return (part - mean) / (variance + eps).sqrt()

    if "B" in statistics and "S" not in statistics:
        return torch.cat([standardised(part) for part in x.split(sizes)])
    return standardised(x)


@pytest.mark.parametrize("sizes", [RAGGED, DENSE, LARGE], ids=["ragged", "dense", "large"])
@pytest.mark.parametrize("statistics", AXES)
def test_formula_and_gradients_in_float64(statistics, sizes):
    x = torch.randn(sum(sizes), 5, dtype=torch.float64, requires_grad=True)
    norm = Normalisation(5, statistics=statistics, dtype=torch.float64)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    expected = _formula(x, sizes, statistics) * norm.weight + norm.bias
    got = norm(SetBatch(x, SetLayout.from_sizes(sizes))).elements
    torch.testing.assert_close(got, expected, atol=1e-12, rtol=1e-12)
    g = torch.randn_like(x)
    wanted = torch.autograd.grad(expected, (x, norm.weight, norm.bias), g)
    found = torch.autograd.grad(got, (x, norm.weight, norm.bias), g)
    torch.testing.assert_close(found, wanted, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(("offset", "allowed"), [(1e3, 1e-4), (1e6, 1e-2)])
@pytest.mark.parametrize("sizes", [RAGGED, DENSE, (499, 997), (1000, 1000)])
@pytest.mark.parametrize("statistics", ["B", "D", "BD", ""])
def test_stable_far_from_zero(statistics, sizes, offset, allowed):
    x = (torch.randn(sum(sizes), 13) + offset).requires_grad_()
    wide = x.detach().double().requires_grad_()
    g = torch.randn_like(x)
    got = Normalisation(13, statistics=statistics)(SetBatch(x, SetLayout.from_sizes(sizes))).elements
    expected = _formula(wide, sizes, statistics)
    assert (got - expected).abs().max() < allowed
    found, wanted = torch.autograd.grad(got, x, g)[0], torch.autograd.grad(expected, wide, g.double())[0]
    assert (found - wanted).abs().max() < allowed * wanted.abs().max()


@pytest.mark.parametrize("sizes", [RAGGED, DENSE, LARGE])
def test_half_precision_accumulates_in_float32(sizes):
    x = torch.randn(sum(sizes), 5).bfloat16()
    got = SetNorm(5, dtype=torch.bfloat16)(SetBatch(x, SetLayout.from_sizes(sizes))).elements
    expected = _formula(x.double(), sizes, "B")
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=2**-8)


@pytest.mark.parametrize("sizes", [RAGGED, DENSE])
def test_running_statistics_are_those_of_batch_norm(sizes):
    norm, reference = FeatureNorm(5), torch.nn.BatchNorm1d(5)
    draws = [torch.randn(sum(sizes), 5) * 3 + 1 for _ in range(3)]
    batches = [SetBatch(x, SetLayout.from_sizes(sizes)) for x in draws]
    for x, batch in zip(draws, batches, strict=True):
        torch.testing.assert_close(norm(batch).elements, reference(x))
    torch.testing.assert_close(norm.running_mean, reference.running_mean)
    torch.testing.assert_close(norm.running_var, reference.running_var)
    torch.testing.assert_close(norm.eval()(batches[-1]).elements, reference.eval()(draws[-1]))


def test_evaluation_changes_no_statistic():
    norm = FeatureNorm(3).eval()
    assert norm.running_mean is not None
    before = norm.running_mean.clone()
    norm(SetBatch.from_list([torch.randn(5, 3)]))
    assert torch.equal(norm.running_mean, before)


def test_feature_norm_by_set_weighs_sets_alike():
    sets = [torch.randn(2, 3, dtype=torch.float64), torch.randn(11, 3, dtype=torch.float64) + 5]
    mean = torch.stack([s.mean(0) for s in sets]).mean(0)
    variance = torch.stack([s.var(0, correction=0) for s in sets]).mean(0)
    norm = FeatureNorm(3, running=False, weighting="set", dtype=torch.float64)
    got = norm(SetBatch.from_list(sets)).elements
    torch.testing.assert_close(got, (torch.cat(sets) - mean) / (variance + 1e-5).sqrt())


def test_batch_statistics_without_running_in_evaluation():
    norm = FeatureNorm(3, running=False).eval()
    batch = SetBatch.from_list([torch.randn(7, 3) + 5])
    assert norm(batch).elements.mean(0).abs().max() < 1e-5
    kept = Normalisation(3, statistics="", running=True).running_mean
    assert kept is not None
    assert kept.shape == (1,)


def test_one_statistic_for_the_batch_can_run():
    norm = Normalisation(3, statistics="", running=True, momentum=1.0)
    x = torch.randn(11, 3) * 2 + 1
    norm(SetBatch.from_list([x]))
    torch.testing.assert_close(norm.running_mean, x.mean().view(1))
    torch.testing.assert_close(norm.running_var, x.var().view(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(statistics="S"), "not equivariant"),
        (dict(statistics="SD"), "not equivariant"),
        (dict(statistics="DS"), "not equivariant"),
        (dict(statistics="BSD"), "every output zero"),
        (dict(statistics="X"), "letters out of"),
        (dict(statistics="BB"), "letters out of"),
        (dict(statistics="B", parameters=""), "cannot tell the features apart"),
        (dict(statistics="B", parameters="S"), "not equivariant"),
        (dict(statistics="B", parameters="SD"), "not equivariant"),
        (dict(statistics="B", parameters="BSD"), "not equivariant"),
        (dict(statistics="B", parameters="BS"), "not equivariant"),
        (dict(statistics="B", parameters="B"), "position in the batch"),
        (dict(statistics="B", parameters="BD"), "position in the batch"),
        (dict(statistics="B", parameters="E"), "must be 'D'"),
        (dict(statistics="B", running=True), "L without B"),
        (dict(statistics="B", weighting="set"), "defined for statistics='D'"),
        (dict(statistics="D", weighting="size"), "weighting must be one of"),
        (dict(statistics="B", eps=-1.0), "at least zero"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(InputError, match=message):
        Normalisation(3, **arguments)


def test_names():
    assert (SetNorm(3).statistics, LayerNorm(3).statistics, FeatureNorm(3).statistics) == ("B", "BS", "D")
    assert "statistics per {B}" in repr(SetNorm(3))
