"""Attention of few queries and to few keys: against the block that projects everything, in float64, every gradient."""

import pytest
import torch

import setwise as sw
from setwise import SetLayout
from setwise.layers import InducedSetAttentionBlock, MultiheadAttentionBlock, PoolingByAttention
from setwise.layers import multihead_attention_block as block_module
from setwise.ops import small_sets as module
from setwise.ops.small_sets import few_keys, few_queries
from setwise.testing import assert_close

WIDTH, HEADS, SETS = 24, 3, 4


def _projecting(monkeypatch):
    monkeypatch.setattr(module, "_sizes_serve", lambda *_: False)


def _results(block, batches):
    """Return the output, and the gradients by elements and parameters of a sum that tells every number apart."""
    y = block(*batches).elements
    factors = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    leaves = {f"elements {i}": batch.elements for i, batch in enumerate(batches)} | dict(block.named_parameters())
    return y, dict(zip(leaves, torch.autograd.grad((factors * y).sum(), list(leaves.values())), strict=True))


def _agree(block, batches, monkeypatch):
    with monkeypatch.context() as patch:
        _projecting(patch)
        expected, wanted = _results(block, batches)
    got, found = _results(block, batches)
    assert_close(got, expected, "the output", 1e-12)
    largest = max(gradient.abs().max() for gradient in wanted.values())  # that of the keys is zero for sets of one
    for name, gradient in wanted.items():
        assert (found[name] - gradient).abs().max() < 1e-11 * largest, name


def _shaken(block):
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return block


def _sets(size, features=WIDTH):
    elements = torch.randn(SETS * size, features, dtype=torch.float64, requires_grad=True)
    return sw.SetBatch(elements, SetLayout.uniform(SETS, size))


def _ways(monkeypatch):
    """Return the names of the functions that are called, in their order."""
    called = []
    for name in ("attend_with_few", "attend_to_few", "set_attention"):
        home = block_module if name == "set_attention" else module
        function = getattr(home, name)

        def listened(*args, function=function, name=name, **kwargs):
            called.append(name)
            return function(*args, **kwargs)

        monkeypatch.setattr(home, name, listened)
    return called


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize(
    "choices",
    [
        {"path": "non-clean", "norm": "none"},
        {"path": "non-clean", "norm": "layer"},
        {"path": "clean", "norm": "set"},
        {"path": "clean", "norm": "feature", "residual": "mean"},
    ],
    ids=["textbook", "layer norm", "clean", "aggregated"],
)
def test_sets_of_few_elements_and_many_points(size, choices, monkeypatch):
    in_features = 5 if choices["path"] == "non-clean" else WIDTH
    block = InducedSetAttentionBlock(in_features, WIDTH, heads=HEADS, inducing=14, dtype=torch.float64, **choices)
    called = _ways(monkeypatch)
    _agree(_shaken(block), (_sets(size, in_features),), monkeypatch)
    assert called == ["set_attention", "set_attention", "attend_to_few", "attend_with_few"]


@pytest.mark.parametrize("size", [3, 40])
def test_pooling_by_attention_projects_no_element(size, monkeypatch):
    block = PoolingByAttention(WIDTH, heads=HEADS, dtype=torch.float64)
    called = _ways(monkeypatch)
    _agree(_shaken(block), (_sets(size),), monkeypatch)
    assert called == ["set_attention", "attend_with_few"]


def test_queries_of_their_own_and_keys_of_other_width(monkeypatch):
    block = MultiheadAttentionBlock(
        5, WIDTH, heads=HEADS, key_features=9, path="non-clean", norm="none", dtype=torch.float64
    )
    _agree(_shaken(block), (_sets(2, 5), _sets(11, 9)), monkeypatch)


def test_sets_of_different_sizes_and_of_many_elements_are_projected(monkeypatch):
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=14)
    called = _ways(monkeypatch)
    block(sw.SetBatch.from_list([torch.randn(3, WIDTH), torch.randn(2, WIDTH)]))
    block(sw.SetBatch.from_list([torch.randn(14, WIDTH)] * 2))
    assert called == ["set_attention"] * 4


def test_a_set_alone_has_the_same_result_as_among_others_of_other_sizes():
    block = _shaken(InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=14, dtype=torch.float64))
    sets = [torch.randn(size, WIDTH, dtype=torch.float64) for size in (3, 1, 6)]
    together = block(sw.SetBatch.from_list(sets)).elements.split([3, 1, 6])
    for alone, expected in zip(sets, together, strict=True):
        assert_close(block(sw.SetBatch.from_list([alone])).elements, expected, "the set alone", 1e-12)


def test_which_way_is_shorter_follows_the_multiplications():
    def absorbed(queries, keys, width, heads):
        return 2 * queries * width * width + 2 * queries * heads * keys * width

    def projected(queries, keys, width):
        return 2 * keys * width * width + 2 * queries * keys * width

    for queries in range(1, 60):
        for keys in (1, 10, 32, 200):
            for width, heads in ((128, 4), (64, 1), (30, 3)):
                shorter = absorbed(queries, keys, width, heads) < projected(queries, keys, width)
                assert few_queries(queries, keys, width=width, heads=heads) == shorter
    assert few_keys(32, 16)
    assert not few_keys(32, 17)


def test_second_gradients(monkeypatch):
    block, batch, found = _shaken(PoolingByAttention(WIDTH, heads=HEADS, dtype=torch.float64)), _sets(6), []
    for _ in range(2):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            y = block(batch).elements
            (first,) = torch.autograd.grad(y.square().sum(), batch.elements, create_graph=True)
            found.append(torch.autograd.grad(first.square().sum(), batch.elements)[0])
        _projecting(monkeypatch)
    assert_close(found[0], found[1], "the second gradient", 1e-10)


@pytest.mark.parametrize("part", ["gather.keys", "gather.values", "spread.keys", "spread.values"])
def test_hooks_of_projections_are_called(part):
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=14)
    batch = sw.SetBatch.from_list([torch.randn(3, WIDTH)] * 2)
    expected, called = block(batch).elements, []
    block.get_submodule(part).register_forward_pre_hook(lambda *_: called.append(part))
    torch.testing.assert_close(block(batch).elements, expected)
    assert called == [part]
