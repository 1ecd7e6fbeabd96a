"""Featurewise sort pooling against its definition, element by element; ties, streaming, leaving one out, refusals."""

import pytest
import torch
from torch import Tensor

from setwise import SetBatch, SetLayout, SetRegressor, models
from setwise._checks import InputError
from setwise.layers.containers import pooled_without, stream_layers
from setwise.layers.poolings.featurewise_sort import FeaturewiseSortPooling
from setwise.parallel import ShardedLayout
from setwise.streaming.rows import Rows, Sweeper
from setwise.testing import assert_close
from tests.fixtures.held import Held

WIDTH = 11


def naive(x, weight):
    """Pool one set by the paper's formula: f(r) = sum over k of max(0, 1 - |r K - k|) w_k."""
    pieces, out = weight.shape[1] - 1, []
    for feature, values in zip(x.unbind(1), weight, strict=True):
        total = 0.0
        for i, value in enumerate(sorted(feature.unbind(), key=Tensor.item, reverse=True)):
            r = i / max(len(x) - 1, 1)
            total = total + value * sum(max(0.0, 1 - abs(r * pieces - k)) * w for k, w in enumerate(values.unbind()))
        out.append(total)
    return torch.stack(out)


@pytest.mark.parametrize("pieces", [1, 2, 20])
@pytest.mark.parametrize("sizes", [(5, 1, 3, 13, 2), (7, 7, 7), (1, 1), (41,)], ids=["ragged", "dense", "ones", "one"])
def test_formula_and_gradients_in_float64(sizes, pieces):
    x = torch.randn(sum(sizes), WIDTH, dtype=torch.float64, requires_grad=True)
    pooling = FeaturewiseSortPooling(WIDTH, pieces=pieces, dtype=torch.float64)
    expected = torch.stack([naive(part, pooling.weight) for part in x.split(sizes)])
    got = pooling(SetBatch(x, SetLayout.from_sizes(sizes)))
    assert_close(got, expected, "the result", 1e-12)
    g = torch.randn_like(got)
    for found, wanted in zip(*(torch.autograd.grad(y, (x, pooling.weight), g) for y in (got, expected)), strict=True):
        assert_close(found, wanted, "a gradient", 1e-12)


def test_known_functions_of_the_rank():
    x = torch.randn(13, WIDTH)
    batch = SetBatch.from_list([x, x[:1], x[:4]])
    pooling = FeaturewiseSortPooling(WIDTH)
    torch.nn.init.ones_(pooling.weight)
    torch.testing.assert_close(pooling(batch), torch.stack([part.sum(0) for part in (x, x[:1], x[:4])]))
    torch.nn.init.zeros_(pooling.weight)
    pooling.weight.data[:, 0] = 1.0  # of at most 21 elements, only the largest has a weight
    torch.testing.assert_close(pooling(batch), torch.stack([part.amax(0) for part in (x, x[:1], x[:4])]))


@pytest.mark.parametrize("sizes", [(6, 4), (5, 5)], ids=["ragged", "dense"])
def test_ties(sizes):
    x = torch.randint(0, 3, (10, WIDTH)).double().requires_grad_()
    pooling = FeaturewiseSortPooling(WIDTH, dtype=torch.float64)
    layout = SetLayout.from_sizes(sizes)
    got = pooling(SetBatch(x, layout))
    assert_close(got, torch.stack([naive(part, pooling.weight) for part in x.split(sizes)]), "the result", 1e-12)
    order = torch.cat([start + torch.randperm(n) for start, n in zip((0, sizes[0]), sizes, strict=True)])
    assert_close(pooling(SetBatch(x[order], layout)), got, "permuted", 1e-12)
    (found,) = torch.autograd.grad(got.sum(), x)
    (permuted,) = torch.autograd.grad(pooling(SetBatch(x[order], layout)).sum(), x)
    for part, other, values in zip(*(t.split(sizes) for t in (found, permuted, x.detach())), strict=True):
        for value in range(3):  # equal values share among them the same gradient, each in its own order
            tied = values == value
            assert_close((part * tied).sum(0), (other * tied).sum(0), "gradient of equal values", 1e-12)


def test_a_set_much_larger_than_the_rest():
    sizes = (100_003, 1, 7)
    x = torch.randn(sum(sizes), 2, dtype=torch.float64)
    pooling = FeaturewiseSortPooling(2, dtype=torch.float64)
    together = pooling(SetBatch(x, SetLayout.from_sizes(sizes)))
    grid = torch.linspace(0, 20, sizes[0], dtype=torch.float64)
    left = grid.floor().long().clamp_max(19)
    f = torch.lerp(pooling.weight[:, left], pooling.weight[:, left + 1], (grid - left)[None])
    expected = (x[: sizes[0]].sort(0, descending=True).values * f.t()).sum(0)
    assert_close(together[0], expected, "the large set", 1e-9)


@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("size", [1, 2, 37])
def test_streaming(size, chunk):
    x = torch.randn(size, WIDTH, dtype=torch.float64)

    pooling = FeaturewiseSortPooling(WIDTH, dtype=torch.float64)
    with torch.no_grad():
        sweeper = Sweeper(size, chunk, torch.device("cpu"))
        got = stream_layers(pooling, Rows(sweeper, source=Held(x)).map(lambda rows: rows + 1))
        assert isinstance(got, Tensor)
        assert_close(got, pooling(SetBatch.from_list([x + 1])), "streamed", 1e-12)
    assert sweeper.sweeps == 2  # eight features, and three


@pytest.mark.parametrize("size", [2, 3, 19])
def test_without_each_element(size):
    x = torch.randn(size, WIDTH, dtype=torch.float64)
    x[-1] = x[0]  # ties
    pooling = FeaturewiseSortPooling(WIDTH, dtype=torch.float64)
    rows = torch.randperm(size)
    got = pooled_without(pooling, x, rows)
    assert isinstance(got, Tensor)
    rest = [torch.cat([x[:j], x[j + 1 :]]) for j in rows.tolist()]
    assert_close(got, torch.stack([naive(part, pooling.weight) for part in rest]), "without each", 1e-12)


def test_sets_spread_over_processes_are_refused():
    layout = SetLayout.from_sizes((3, 2))
    spread = ShardedLayout(layout.sizes, layout.offsets, layout.set_index, None, 5)
    with pytest.raises(InputError, match=r"cannot be sorted together\. Use another pooling"):
        FeaturewiseSortPooling(WIDTH)(SetBatch(torch.randn(5, WIDTH), spread))
    with pytest.raises(InputError, match="above zero"):
        FeaturewiseSortPooling(WIDTH, pieces=0)


def test_by_its_word():
    sets = [torch.randn(5 + i % 3, 2).numpy() for i in range(12)]
    targets = [float(s.max()) for s in sets]
    fitted = SetRegressor(pool="featurewise-sort", depth=2, width=8, epochs=1).fit(sets, targets)
    assert isinstance(fitted.run_.members[0].pooling, FeaturewiseSortPooling)
    refused = SetRegressor(pool="featurewise-sort", depth=2, width=8, epochs=1, max_elements=3)
    with pytest.raises(InputError, match="pool='featurewise-sort' and max_elements=3 cannot go together"):
        refused.fit(sets, targets)


def test_models_learn_the_median():
    """A rank in the middle, which neither sum nor maximum tells."""
    torch.manual_seed(0)
    model = models.build("deep-sets", 1, 1, depth=2, width=16, pool="featurewise-sort")
    batch = SetBatch.from_list([torch.randn(n, 1) for n in torch.randint(5, 12, (64,)).tolist()])
    truth = torch.stack([part.median(0).values for part in batch.to_list()])
    optimizer, losses = torch.optim.Adam(model.parameters(), 3e-3), []
    for _ in range(150):
        loss = (model(batch) - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * truth.var()
