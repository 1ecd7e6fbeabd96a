"""RMS set norm against its plain formula, and against torch's norm of one set."""

import pytest
import torch
from torch.nn import functional as F

from setwise import SetBatch, SetLayout, SetRegressor
from setwise._checks import InputError
from setwise.layers.norms.rms_set_norm import RMSSetNorm
from setwise.testing import assert_close

WIDTH = 5


@pytest.mark.parametrize("sizes", [(5, 1, 3, 13), (7, 7, 7), (211, 1, 97)], ids=["ragged", "dense", "large"])
def test_formula_and_gradients_in_float64(sizes):
    x = (torch.randn(sum(sizes), WIDTH, dtype=torch.float64) + 2).requires_grad_()
    norm = RMSSetNorm(WIDTH, dtype=torch.float64)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    parts = [part / (sum(v**2 for v in part.flatten()) / part.numel() + 1e-5) ** 0.5 for part in x.split(sizes)]
    expected = torch.cat(parts) * norm.weight + norm.bias
    got = norm(SetBatch(x, SetLayout.from_sizes(sizes))).elements
    assert_close(got, expected, "the result", 1e-12)
    g, inputs = torch.randn_like(x), (x, norm.weight, norm.bias)
    for found, wanted in zip(*(torch.autograd.grad(y, inputs, g) for y in (got, expected)), strict=True):
        assert_close(found, wanted, "a gradient", 1e-12)


def test_one_set_is_torchs_norm_of_all_its_numbers():
    x = torch.randn(11, WIDTH)
    expected = F.rms_norm(x, x.shape, eps=1e-5)
    torch.testing.assert_close(RMSSetNorm(WIDTH)(SetBatch.from_list([x])).elements, expected)


def test_it_loses_a_scale_and_no_shift():
    x, norm = torch.randn(11, WIDTH, dtype=torch.float64), RMSSetNorm(WIDTH, eps=0.0, dtype=torch.float64)
    plain, scaled, shifted = norm(SetBatch.from_list([x, 3 * x, x + 1])).to_list()
    assert_close(scaled, plain, "three times as large", 1e-12)
    assert (shifted - plain).abs().max() > 0.1


def test_half_precision_accumulates_in_float32():
    x = torch.randn(499, WIDTH).bfloat16() + 100
    got = RMSSetNorm(WIDTH, dtype=torch.bfloat16)(SetBatch.from_list([x])).elements
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), F.rms_norm(x.double(), x.shape, eps=1e-5), atol=1e-5, rtol=2**-8)


def test_refusals():
    with pytest.raises(InputError, match="at least zero"):
        RMSSetNorm(3, eps=-1.0)
    with pytest.raises(InputError, match="above zero"):
        RMSSetNorm(0)


def test_by_its_word():
    sets = [torch.randn(5 + i % 3, 2).numpy() for i in range(12)]
    fitted = SetRegressor(norm="rms-set", depth=2, width=8, epochs=1).fit(sets, [float(s.mean()) for s in sets])
    assert [type(m) for m in fitted.run_.model.modules() if isinstance(m, RMSSetNorm)]
