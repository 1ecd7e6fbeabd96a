"""Moments and quantiles against NumPy."""

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.assess.summaries import summaries
from setwise.batch import SetBatch
from setwise.layers.moments import Moments
from setwise.ops import sort_within_sets
from setwise.parallel import ShardedLayout
from setwise.readers.read import read
from setwise.streaming.rows import Rows, Sweeper
from tests.fixtures.held import Held


def _streamed(x, chunk):
    sweeper = Sweeper(len(x), chunk, torch.device("cpu"))
    return Moments().stream(Rows(sweeper, source=Held(x)))[0]


def _sets(features):
    draw = np.random.default_rng(0)
    return [draw.normal(3, 2, (size, features)).astype(np.float32).astype(np.float64) for size in (1, 7, 2, 103)]


@pytest.mark.parametrize("features", [1, 5, 409, 410])
def test_ragged_sets_have_the_numbers_of_numpy(features):
    sets = _sets(features)
    found = Moments()(SetBatch.from_list([torch.from_numpy(x) for x in sets])).numpy()
    np.testing.assert_allclose(found, summaries(read(sets), range(4)), rtol=1e-12, atol=1e-12)


def test_sets_of_one_size_have_the_same():
    sets = [torch.from_numpy(x[:7]) for x in _sets(3)[1::2]]
    together = Moments()(SetBatch.from_list(sets))
    alone = torch.cat([Moments()(SetBatch.from_list([x])) for x in sets])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("features", [1, 17, 410])
@pytest.mark.parametrize("chunk", [1, 10, 1000])
def test_streamed_sets_have_the_same(features, chunk):
    x = torch.from_numpy(_sets(features)[3])
    torch.testing.assert_close(_streamed(x, chunk), Moments()(SetBatch.from_list([x]))[0], rtol=1e-12, atol=1e-12)


def test_a_constant_feature_has_no_skewness():
    x = torch.full((11, 1), 0.1) + torch.tensor([0.0, 1e-9, -1e-9] * 3 + [0, 0])[:, None]
    assert Moments()(SetBatch.from_list([x]))[0, 3].abs() < 1e-12


def test_quantiles_have_gradients():
    x = torch.from_numpy(_sets(2)[1]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: Moments()(SetBatch.from_list([x])), (x,))


def test_sharded_sets_are_refused():
    batch = SetBatch.from_list([torch.ones(2, 3)])
    layout = ShardedLayout(batch.layout.sizes, batch.layout.offsets, batch.layout.set_index, None, 2, None)
    with pytest.raises(InputError, match="cannot be sorted together"):
        sort_within_sets(batch.elements, layout)
