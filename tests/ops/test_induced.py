"""Attention with absorbed projections by compiled loops: against the plain formulas in float64, with every gradient."""

import copy
import sys

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import setwise as sw
from setwise import SetLayout
from setwise.layers import InducedSetAttentionBlock, MultiheadAttentionBlock
from setwise.ops import gather_by_attention, set_norm, spread_by_attention
from setwise.ops import induced as module
from setwise.testing import assert_close

pytest.importorskip("numba")
set_norm_module = sys.modules[set_norm.__module__]
SIZES = {
    "tiny": (5, 1, 3, 13),
    "dense": (31,) * 5,
    "one": (97,),
    "pieces": (5003, 1, 2048, 2049, 7),  # longer than a piece of 2,048 rows, and just as long
    "long": (9001,),
}
WIDTH, HEADS = 30, 3
POINTS = (1, 7, 11)  # fewer than four, and no multiples of four


@pytest.fixture(autouse=True)
def _for_any_size(monkeypatch):
    monkeypatch.setattr(set_norm_module, "_WORTH_IT", 1)
    monkeypatch.setattr(module, "_ELEMENTS_PER_SET", 0)


def _agree(got, expected, inputs, wide, tolerance):
    """Compare outputs, and gradients by all inputs, of a float32 result and its float64 formula."""
    assert_close(got.double(), expected, "the result", tolerance)
    g = torch.randn_like(got)
    found = torch.autograd.grad(got, inputs, g)
    wanted = torch.autograd.grad(expected, wide, g.double())
    for index, (a, b) in enumerate(zip(found, wanted, strict=True)):
        assert_close(a.double(), b, f"the gradient by input {index}", 10 * tolerance)


def _leaves(*shapes, scale=1.0):
    tensors = [(scale * torch.randn(shape)).requires_grad_() for shape in shapes]
    return tensors, [t.detach().double().requires_grad_() for t in tensors]


def _averages(x, sizes, points):
    return torch.stack([(p @ points.T).softmax(0).T @ p for p in x.split(sizes)])


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("points", POINTS)
def test_gathering_is_the_formula(sizes, points):
    inputs, wide = _leaves((sum(sizes), WIDTH), (points, WIDTH))
    got = gather_by_attention(inputs[0], SetLayout.from_sizes(sizes), inputs[1])
    _agree(got, _averages(wide[0], sizes, wide[1]), inputs, wide, 1e-5)


def test_weights_may_fall_on_one_element():
    sizes = SIZES["pieces"]
    (x, points), wide = _leaves((sum(sizes), WIDTH), (7, WIDTH), scale=20.0)
    got = gather_by_attention(x, SetLayout.from_sizes(sizes), points)
    assert_close(got.double(), _averages(wide[0], sizes, wide[1]), "the averages", 1e-4)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("points", POINTS)
def test_spreading_is_the_formula(sizes, points):
    b, n, size = len(sizes), sum(sizes), WIDTH // HEADS
    shapes = ((n, WIDTH), (b, HEADS, points, WIDTH), (b, HEADS, points), (b, HEADS, points, size), (n, WIDTH))
    inputs, wide = _leaves(*shapes)
    got = spread_by_attention(inputs[0], SetLayout.from_sizes(sizes), *inputs[1:])
    parts = [
        torch.einsum("nhi,hid->nhd", (torch.einsum("nw,hiw->nhi", p, m) + c).softmax(2), v).flatten(1)
        for p, m, c, v in zip(wide[0].split(sizes), *wide[1:4], strict=True)
    ]
    _agree(got, wide[4] + torch.cat(parts), inputs, wide, 1e-5)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("residual", ["equivariant", "mean"])
def test_the_block_is_the_block_in_float64(sizes, residual):
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=7, residual=residual)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    exact = copy.deepcopy(block).double()
    x = torch.randn(sum(sizes), WIDTH) + 3
    inputs, wide = (
        (x.requires_grad_(), *block.parameters()),
        (x.detach().double().requires_grad_(), *exact.parameters()),
    )
    batch, wide_batch = (sw.SetBatch(t[0], SetLayout.from_sizes(sizes)) for t in (inputs, wide))
    assert block._absorbed(batch) is not None
    assert exact._absorbed(wide_batch) is None
    got, expected = block(batch).elements, exact(wide_batch).elements
    assert_close(got.double(), expected, "the output", 1e-5)
    g = torch.randn_like(got)
    found = torch.autograd.grad(got, inputs, g)
    wanted = torch.autograd.grad(expected, wide, g.double())
    largest = max(w.abs().max() for w in wanted)
    for (name, _), a, b in zip([("elements", x), *block.named_parameters()], found, wanted, strict=True):
        assert (a - b).abs().max() < 1e-4 * largest, name


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_the_second_half_is_the_formula(sizes):
    block = MultiheadAttentionBlock(WIDTH, WIDTH, heads=HEADS)
    exact = copy.deepcopy(block).double()
    layout, x = SetLayout.from_sizes(sizes), torch.randn(sum(sizes), WIDTH)
    wide = x.double().requires_grad_()
    inputs = (x.requires_grad_(), *block.norm1.parameters(), *block.linear.parameters())
    wides = (wide, *exact.norm1.parameters(), *exact.linear.parameters())
    normed = exact.norm1(sw.SetBatch(wide, layout)).elements
    before = exact.linear(normed)
    got = block.feed_forward(sw.SetBatch(x, layout)).elements
    assert_close(got.double(), wide + before.relu(), "the output", 1e-5)
    g = torch.randn_like(got) * (before.detach().abs() > 1e-4)  # near ReLU's kink either side is right
    found = torch.autograd.grad(got, inputs, g)
    for a, b in zip(found, torch.autograd.grad(wide + before.relu(), wides, g.double()), strict=True):
        assert_close(a.double(), b, "a gradient", 1e-4)


def test_operators_are_sound():
    layout = SetLayout.from_sizes((5, 1, 3))
    (x, points), _ = _leaves((9, WIDTH), (7, WIDTH))
    torch.library.opcheck(torch.ops.setwise.gather_by_attention, (x, layout.offsets, points))
    shapes = ((3, HEADS, 7, WIDTH), (3, HEADS, 7), (3, HEADS, 7, WIDTH // HEADS), (9, WIDTH))
    others, _ = _leaves(*shapes)
    torch.library.opcheck(torch.ops.setwise.spread_by_attention, (x, layout.offsets, *others))
    (weight, bias, linear, linear_bias), _ = _leaves((WIDTH,), (WIDTH,), (WIDTH, WIDTH), (WIDTH,))
    arguments = (x, layout.offsets, weight, bias, linear, linear_bias, 1e-5)
    torch.library.opcheck(torch.ops.setwise.set_norm_feed_forward, arguments)


def test_gradients_of_gradients():
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=7)
    exact, layout = copy.deepcopy(block).double(), SetLayout.from_sizes(SIZES["dense"])
    x, found = torch.randn(layout.num_elements, WIDTH), []
    with sdpa_kernel(SDPBackend.MATH):  # the only one whose gradients have gradients
        for part, elements in ((block, x.requires_grad_()), (exact, x.detach().double().requires_grad_())):
            y = part(sw.SetBatch(elements, layout)).elements
            (first,) = torch.autograd.grad(y.square().sum(), elements, create_graph=True)
            found.append(torch.autograd.grad(first.square().sum(), (elements, part.inducing.elements)))
    for a, b in zip(*found, strict=True):
        assert_close(a.double(), b, "a second gradient", 1e-3)


def test_the_block_compiles_as_one_graph():
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=7)
    batch = sw.SetBatch(torch.randn(93, WIDTH, requires_grad=True), SetLayout.from_sizes((31,) * 3))
    found = []
    for function in (block, torch.compile(block, fullgraph=True, backend="aot_eager")):
        y = function(batch).elements
        found.append((y, *torch.autograd.grad(y.square().sum(), (batch.elements, *block.parameters()))))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_threads_do_not_change_a_bit():
    from setwise.ops.softmax_kernels import over_elements

    layout, results = SetLayout.from_sizes(SIZES["pieces"]), []
    logits, threads = torch.randn(sum(SIZES["pieces"]), WIDTH), torch.get_num_threads()
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            results.append(logits.clone())
            with set_norm_module.threads_of_torch():
                over_elements(results[-1].numpy(), layout.offsets.numpy())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


@pytest.mark.parametrize(
    "part", ["gather", "spread", "gather.keys", "gather.norm_keys", "spread.queries", "spread.linear"]
)
def test_hooks_of_a_part_are_called(part):
    block = InducedSetAttentionBlock(WIDTH, WIDTH, heads=HEADS, inducing=7)
    batch = sw.SetBatch.from_list([torch.randn(3, WIDTH), torch.randn(1, WIDTH)])
    expected = block(batch).elements
    called = []
    block.get_submodule(part).register_forward_pre_hook(lambda *_: called.append(part))
    torch.testing.assert_close(block(batch).elements, expected)
    assert called == [part]
