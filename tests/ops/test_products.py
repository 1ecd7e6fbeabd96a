"""Products of each set with a matrix of its own, against a loop over the sets."""

import pytest
import torch

import setwise as sw
from setwise.ops import set_product

SIZES = [(5, 1, 3, 13), (7, 7, 7), (1,), (1, 997, 2)]


def problem(sizes, dtype=torch.float64):
    batch = sw.SetBatch.from_list([torch.randn(n, 3, dtype=dtype) for n in sizes])
    return batch, torch.randn(len(sizes), 3, 5, dtype=dtype)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_against_a_loop(sizes):
    batch, matrices = problem(sizes)
    want = torch.cat([x @ m for x, m in zip(batch.to_list(), matrices, strict=True)])
    torch.testing.assert_close(set_product(batch.elements, batch.layout, matrices), want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
def test_gradients_of_both_orders(sizes):
    batch, matrices = problem(sizes)
    inputs = batch.elements.requires_grad_(), matrices.requires_grad_()

    def product(x, m):
        return set_product(x, batch.layout, m)

    assert torch.autograd.gradcheck(product, inputs)
    assert torch.autograd.gradgradcheck(product, inputs)


def test_operators_keep_the_rules_of_torch():
    batch, matrices = problem((5, 1, 3))
    torch.library.opcheck(torch.ops.setwise.ragged_product, (batch.elements, matrices, batch.layout.offsets))
    torch.library.opcheck(torch.ops.setwise.ragged_gram, (batch.elements, batch.elements, batch.layout.offsets))


def test_the_dtype_is_that_of_the_elements():
    batch, matrices = problem((5, 1), torch.float32)
    assert set_product(batch.elements, batch.layout, matrices.bfloat16()).dtype == torch.float32
