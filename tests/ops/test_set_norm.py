"""Set norm by compiled loops, and the fused block: against the plain formula in float64, with every gradient."""

import os
import subprocess
import sys

import pytest
import torch

import setwise as sw
from setwise import SetLayout
from setwise.layers import ResidualBlock, SetNorm
from setwise.ops import set_norm as set_norm_function
from setwise.testing import assert_close, check_precision, check_repeatable

pytest.importorskip("numba")
module = sys.modules[set_norm_function.__module__]
SIZES = {
    "tiny": (5, 1, 3, 13),
    "dense": (31,) * 5,
    "one": (97,),
    "pieces": (5003, 1, 2048, 2049, 7),  # longer than a piece of 2,048 rows, and just as long
    "long": (9001,),
}
WIDTH = 37


@pytest.fixture(autouse=True)
def _kernels_for_any_size(monkeypatch):
    monkeypatch.setattr(module, "_WORTH_IT", 1)


def _formula(x, sizes, weight, bias, relu, eps=1e-5):
    parts = [(p - p.mean()) / (p.var(correction=0) + eps).sqrt() for p in x.split(sizes)]
    y = torch.cat(parts) * weight + bias
    return y.relu() if relu else y


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("relu", [False, True])
def test_formula_and_every_gradient(sizes, offset, relu):
    layout = SetLayout.from_sizes(sizes)
    x = (torch.randn(sum(sizes), WIDTH) + offset).requires_grad_()
    weight, bias = torch.randn(WIDTH, requires_grad=True), torch.randn(WIDTH, requires_grad=True)
    assert module.kernels_serve(x, layout)
    got = set_norm_function(x, layout, weight, bias, eps=1e-5, relu=relu)
    wide = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    expected = _formula(wide[0], sizes, wide[1], wide[2], relu)
    assert_close(got.double(), expected, "the result", 1e-6)
    g = torch.randn_like(got)
    if relu:  # where ReLU's kink is nearer than rounding, either side is right
        g = g * (_formula(wide[0], sizes, wide[1], wide[2], False).detach().abs() > 1e-4)
    found = torch.autograd.grad(got, (x, weight, bias), g)
    wanted = torch.autograd.grad(expected, wide, g.double())
    for a, b, name in zip(found, wanted, ("elements", "weight", "bias"), strict=True):
        assert_close(a.double(), b, f"the gradient by the {name}", 5e-6)


def test_an_element_far_from_the_rest_comes_first():
    """The shift is the mean of the first element; where it is far off, the statistics are taken again."""
    x = torch.randn(101, WIDTH)
    x[0] += 1e5
    got = SetNorm(WIDTH)(sw.SetBatch.from_list([x, torch.full((3, WIDTH), 7.0)])).elements
    expected = _formula(x.double(), (101,), torch.ones(WIDTH), torch.zeros(WIDTH), False)
    assert_close(got[:101].double(), expected, "the result", 1e-6)
    assert torch.equal(got[101:], torch.zeros(3, WIDTH))  # a constant set has no spread


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_the_fused_block_is_the_block(monkeypatch, sizes):
    layout = SetLayout.from_sizes(sizes)
    block = ResidualBlock(WIDTH)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x = torch.randn(sum(sizes), WIDTH, requires_grad=True)
    inputs = (x, *block.parameters())
    got = block(sw.SetBatch(x, layout)).elements
    g = torch.randn_like(got)
    found = torch.autograd.grad(got, inputs, g)
    monkeypatch.setattr(module, "_INSTALLED", False)
    plain = block(sw.SetBatch(x, layout)).elements
    wanted = torch.autograd.grad(plain, inputs, g)
    assert_close(got, plain, "the output", 1e-5)
    for a, b in zip(found, wanted, strict=True):
        assert_close(a, b, "a gradient", 1e-3)


def test_the_block_keeps_two_tensors():
    block, kept = ResidualBlock(WIDTH), []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    x = torch.randn(101, WIDTH, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        block(sw.SetBatch(x, SetLayout.from_sizes((101,))))
    large = {t.untyped_storage().data_ptr() for t in kept if t.numel() >= x.numel()}
    assert len(large) == 2


@pytest.mark.parametrize("make", [SetNorm, ResidualBlock])
def test_gradients_of_gradients(make):
    layer, layout = make(3), SetLayout.from_sizes((5, 1, 7))
    x, g = (torch.randn(13, 3, requires_grad=True) for _ in range(2))
    assert module.kernels_serve(x, layout)

    def second(layer, x, g):
        (of_x,) = torch.autograd.grad(layer(sw.SetBatch(x, layout)).elements, x, g, create_graph=True)
        return torch.autograd.grad(of_x.square().sum(), (x, g, *layer.parameters()), allow_unused=True)

    found = second(layer, x, g)
    wanted = second(layer.double(), *(t.detach().double().requires_grad_() for t in (x, g)))  # torch's own operators
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert_close(a.double(), b, "a second gradient", 1e-4)


@pytest.mark.parametrize("part", ["norm1", "linear1", "norm2", "linear2"])
def test_hooks_of_a_part_are_called(monkeypatch, part):
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    block = ResidualBlock(7)
    batch = sw.SetBatch.from_list([torch.randn(3, 7), torch.randn(1, 7)])
    expected = block(batch).elements
    called = []
    getattr(block, part).register_forward_pre_hook(lambda *_: called.append(part))
    torch.testing.assert_close(block(batch).elements, expected)
    assert called == [part]


def test_a_block_with_a_replaced_part_is_not_fused():
    block = ResidualBlock(WIDTH)
    block.set_submodule("linear1", torch.nn.Sequential(block.linear1, torch.nn.Dropout(1.0)))
    x = torch.randn(7, WIDTH)
    torch.testing.assert_close(block(sw.SetBatch(x, SetLayout.from_sizes((7,)))).elements, x)


@pytest.mark.parametrize("make", [lambda: SetNorm(WIDTH), lambda: ResidualBlock(WIDTH)])
def test_bits_do_not_depend_on_threads_or_companions(make):
    batch = sw.SetBatch.from_list([torch.randn(n, WIDTH) for n in (5, 3001, 1, 13)])
    layer, threads = make(), torch.get_num_threads()
    check_repeatable(make, batch)
    check_precision(layer, batch)
    try:
        torch.set_num_threads(2)
        expected = layer(batch)
        torch.set_num_threads(1)
        assert torch.equal(layer(batch).elements, expected.elements)
    finally:
        torch.set_num_threads(threads)
    for position, part in enumerate(expected.to_list()):
        assert_close(layer(batch[position]).elements, part, f"set {position} alone", 1e-6)


def test_torchs_number_of_threads_is_left_alone():
    """Numba's first launch in a process sets the number of OpenMP's threads, torch's among them."""
    code = (
        "import torch; torch.set_num_threads(1); from setwise import SetBatch; from setwise.layers import SetNorm; "
        "SetNorm(64)(SetBatch.from_list([torch.randn(2048, 64)])); print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_a_fork_goes_on():
    """OpenMP's threads are gone in a forked process, where the loops would end it; torch's operators take over."""
    x = torch.randn(4001, WIDTH)
    norm, layout = SetNorm(WIDTH), SetLayout.from_sizes((4001,))
    expected = norm(sw.SetBatch(x, layout)).elements.detach()
    process = os.fork()
    if process == 0:
        torch.set_num_threads(1)  # torch's own threads are gone as well
        same = torch.allclose(norm(sw.SetBatch(x, layout)).elements, expected, atol=1e-5)
        os._exit(0 if same else 1)
    assert os.waitpid(process, 0)[1] == 0


def test_opcheck():
    offsets = torch.tensor([0, 5, 6, 19])
    x, weight, bias, linear = (torch.randn(*s, requires_grad=True) for s in ((19, 6), (6,), (6,), (6, 6)))
    torch.library.opcheck(torch.ops.setwise.set_norm, (x, offsets, weight, bias, 1e-5, True))
    norms = (weight, bias, weight, bias)
    torch.library.opcheck(torch.ops.setwise.set_norm_block, (x, offsets, *norms, linear, linear, 1e-5))


def test_compiles_and_exports_with_enough_work():
    model = sw.models.build("deep-sets++", 3, 2, depth=2, width=8)
    batch = sw.SetBatch.from_list([torch.randn(n, 3) for n in (211, 1, 97)])
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(batch), model(batch))
    compiled(batch).sum().backward()
    exported = torch.export.export(model, (batch,), strict=False)
    assert "setwise" not in exported.graph_module.code
    torch.testing.assert_close(exported.module()(batch), model(batch), atol=1e-5, rtol=1e-4)
