"""Pooling by statistics against the reductions of torch, set by set."""

import pytest
import torch

from setwise import SetBatch, SetLayout
from setwise.layers.poolings.statistics import StatisticsPooling
from setwise.testing import assert_close

WIDTH = 5


@pytest.mark.parametrize("sizes", [(5, 1, 3, 13, 2), (7, 7, 7), (1, 1)], ids=["ragged", "dense", "ones"])
def test_statistics_and_gradients_in_float64(sizes):
    x = torch.randn(sum(sizes), WIDTH, dtype=torch.float64, requires_grad=True)
    pooling = StatisticsPooling(WIDTH, dtype=torch.float64)
    rows = []
    for part in x.split(sizes):
        spread = (part.var(0, unbiased=False) + 1e-5).sqrt()
        rows.append(torch.cat([part.mean(0), spread, part.amax(0), part.amin(0)]))
    expected = torch.stack(rows) @ pooling.linear.weight.t() + pooling.linear.bias
    got = pooling(SetBatch(x, SetLayout.from_sizes(sizes)))
    assert_close(got, expected, "the result", 1e-12)
    g = torch.randn_like(got)
    found, wanted = (torch.autograd.grad(y, x, g)[0] for y in (got, expected))
    assert_close(found, wanted, "the gradient", 1e-12)
