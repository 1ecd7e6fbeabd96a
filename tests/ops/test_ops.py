"""Operators against naive loops in float64, and as torch's own checks see them."""

import pytest
import torch

from setwise import SetLayout
from setwise.ops import attention as attention_module
from setwise.ops import set_attention, set_max, set_mean, set_std, set_sum, to_elements

SIZES = {"tiny": (5, 1, 3, 13), "dense": (7, 7, 7), "large": (211, 2, 97)}
REDUCTIONS = {
    set_sum: lambda x: x.sum(0),
    set_mean: lambda x: x.mean(0),
    set_max: lambda x: x.amax(0),
    set_std: lambda x: (x.var(0, correction=0) + 1e-5).sqrt(),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("trailing", [(), (3,), (2, 5)])
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_reductions(reduce, sizes, trailing):
    layout = SetLayout.from_sizes(sizes)
    x = torch.randn(sum(sizes), *trailing, dtype=torch.float64, requires_grad=True)
    expected = torch.stack([REDUCTIONS[reduce](part) for part in x.split(sizes)])
    got = reduce(x, layout)
    torch.testing.assert_close(got, expected)
    g = torch.randn_like(got)
    torch.testing.assert_close(torch.autograd.grad(got, x, g), torch.autograd.grad(expected, x, g))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_ties_share_the_gradient_of_the_maximum(sizes):
    layout = SetLayout.from_sizes(sizes)
    x = torch.zeros(sum(sizes), 3, requires_grad=True)
    set_max(x, layout).sum().backward()
    torch.testing.assert_close(x.grad, to_elements(1 / layout.sizes.float(), layout)[:, None].expand(-1, 3))


def test_sums_of_half_precision_accumulate_in_float32():
    x = torch.full((4096, 1), 0.1, dtype=torch.bfloat16)
    for sizes in ((4096,), (4000, 96), tuple([64] * 63 + [63, 1])):
        got = set_mean(x, SetLayout.from_sizes(sizes))
        torch.testing.assert_close(got.double(), torch.full_like(got, 0.1).double())


def _attend(q, k, v, sizes_q, sizes_k, heads, scale):
    width = q.shape[1] // heads
    parts = []
    for a, b, c in zip(q.split(sizes_q), k.split(sizes_k), v.split(sizes_k), strict=True):
        columns = [slice(h * width, (h + 1) * width) for h in range(heads)]
        parts.append(torch.cat([(scale * a[:, s] @ b[:, s].T).softmax(-1) @ c[:, s] for s in columns], 1))
    return torch.cat(parts)


@pytest.mark.parametrize("sizes_k", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("queries", ["same", "uniform", "other"])
@pytest.mark.parametrize("at_once", [2**24, 7])
def test_attention(monkeypatch, sizes_k, queries, at_once):
    monkeypatch.setattr(attention_module, "_WEIGHTS_AT_ONCE", at_once)
    count = len(sizes_k)
    sizes_q = {"same": sizes_k, "uniform": (3,) * count, "other": tuple(range(1, count + 1))}[queries]
    q, k, v = (torch.randn(sum(s), 6, dtype=torch.float64, requires_grad=True) for s in (sizes_q, sizes_k, sizes_k))
    layouts = SetLayout.from_sizes(sizes_q), SetLayout.from_sizes(sizes_k)
    got = set_attention(q, k, v, *layouts, heads=2, scale=0.7)
    expected = _attend(q, k, v, sizes_q, sizes_k, 2, 0.7)
    torch.testing.assert_close(got, expected)
    g = torch.randn_like(got)
    torch.testing.assert_close(torch.autograd.grad(got, (q, k, v), g), torch.autograd.grad(expected, (q, k, v), g))


def test_nothing_reads_memory_that_was_never_written(monkeypatch):
    """Outputs that are allocated empty, filled with NaN, come out whole."""

    def poisoned(like, **_):
        return torch.full_like(like, torch.nan)

    monkeypatch.setattr(torch, "empty_like", poisoned)
    sizes = (5, 1, 3, 13)
    layout = SetLayout.from_sizes(sizes)
    q, k, v = (torch.randn(sum(sizes), 6, requires_grad=True) for _ in range(3))
    out = set_attention(q, k, v, layout, layout, heads=2, scale=1.0)
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(out.sum(), (q, k, v)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opcheck(dtype):
    offsets = torch.tensor([0, 5, 6, 19])
    x = torch.randn(19, 6, dtype=dtype, requires_grad=True)
    for operator, arguments in (
        (torch.ops.setwise.segment_sum, (x, offsets)),
        (torch.ops.setwise.segment_max, (x, offsets)),
        (torch.ops.setwise.standardise_sets, (x, offsets, 1e-5)),
        (torch.ops.setwise.ragged_attention, (x, x, x, offsets, offsets, 2, 0.7)),
    ):
        torch.library.opcheck(operator, arguments)
