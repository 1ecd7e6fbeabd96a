"""Attention on a GPU: the padded way on the CPU as well, flash attention where there is one."""

import pytest
import torch

from setwise import SetLayout
from setwise.ops import set_attention
from setwise.ops.gpu_attention import gpu_attention, padded_attention
from setwise.testing import assert_close

SIZES = (5, 1, 211, 13)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="flash attention needs CUDA; no GPU here")


def _plain(q, k, v, queries, keys, *, heads, scale):
    parts, width = [], q.shape[1] // heads
    for a, b, c in zip(*(x.split(y.sizes.tolist()) for x, y in ((q, queries), (k, keys), (v, keys))), strict=True):
        columns = [slice(h * width, (h + 1) * width) for h in range(heads)]
        parts.append(torch.cat([(scale * a[:, s] @ b[:, s].T).softmax(-1) @ c[:, s] for s in columns], 1))
    return torch.cat(parts)


def _layouts(case, device="cpu"):
    ragged, points = SetLayout.from_sizes(SIZES).to(device), SetLayout.uniform(len(SIZES), 3, torch.device(device))
    return {"points": (points, ragged), "elements": (ragged, points), "both": (ragged, ragged)}[case]


def _check(attention, case, dtype, close, device="cpu", heads=2, width=16):
    queries, keys = layouts = _layouts(case, device)
    q, k, v = (
        torch.randn(x.num_elements, width, device=device).to(dtype).requires_grad_() for x in (queries, keys, keys)
    )
    got = attention(q, k, v, *layouts, heads=heads, scale=0.7)
    wide = [x.detach().double().requires_grad_() for x in (q, k, v)]
    expected = _plain(wide[0], wide[1], wide[2], queries, keys, heads=heads, scale=0.7)
    assert got.dtype == dtype
    assert_close(got.double(), expected, "the result", close)
    g = torch.randn_like(got)
    found = torch.autograd.grad(got, (q, k, v), g)
    for a, b, name in zip(found, torch.autograd.grad(expected, wide, g.double()), "qkv", strict=True):
        assert_close(a.double(), b, f"the gradient by {name}", 2 * close)


@pytest.mark.parametrize("case", ["points", "elements", "both"])
def test_padded(case):
    _check(padded_attention, case, torch.float32, 1e-5)


def test_padding_has_a_limit():
    layout = SetLayout.from_sizes([1] * 99 + [1000])
    x = torch.randn(layout.num_elements, 4)
    assert gpu_attention(x, x, x, layout, layout, heads=1, scale=1.0) is None


def test_a_layout_that_does_not_know_its_largest_set():
    layout = SetLayout.from_sizes((2, 3))
    layout.largest = 0
    x = torch.randn(5, 4)
    assert gpu_attention(x, x, x, layout, layout, heads=1, scale=1.0) is None


@needs_cuda
@pytest.mark.parametrize("case", ["points", "elements", "both"])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-4), (torch.bfloat16, 3e-2), (torch.float16, 5e-3)])
def test_on_a_gpu_without_a_wait(case, dtype, close):
    _check(set_attention, case, dtype, close, "cuda")
    queries, keys = layouts = _layouts(case, "cuda")
    q, k, v = (torch.randn(x.num_elements, 16, device="cuda", dtype=dtype) for x in (queries, keys, keys))
    torch.cuda.set_sync_debug_mode("error")
    try:
        set_attention(q, k, v, *layouts, heads=2, scale=0.7)
    finally:
        torch.cuda.set_sync_debug_mode("default")
