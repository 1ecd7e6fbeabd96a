"""Set norm by Triton's kernels: against the plain formula in float64, with every gradient.

On a GPU where there is one; without one, in Triton's interpreter on the CPU (`make test-triton`).
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import setwise as sw
from setwise import SetLayout
from setwise.layers import ResidualBlock, SetNorm
from setwise.ops import set_norm
from setwise.testing import assert_close

pytestmark = pytest.mark.triton
if find_spec("triton") is None:
    pytest.skip("Triton is not installed (the extra gpu); `make test-triton` runs these tests", allow_module_level=True)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("no GPU here, and TRITON_INTERPRET=1 is not set", allow_module_level=True)

module = sys.modules[set_norm.__module__]
SIZES = {
    "whole": (5, 1, 3, 13),
    "dense": (1009,) * 3,  # sixteen chunks a set
    "ragged": (1009, 1, 128, 129, 7),  # longer than a chunk, just as long, shorter
    "unequal, one chunk": (31, 1, 17),
    "one": (9001,),
}
WIDTH = 37
EXACT = {torch.float32: (1e-6, 5e-6), torch.float16: (1e-3, 2e-3), torch.bfloat16: (8e-3, 2e-2)}  # result, gradients


def _formula(x, sizes, weight, bias, relu, eps=1e-5):
    parts = [(p - p.mean()) / (p.var(correction=0) + eps).sqrt() for p in x.split(sizes)]
    y = torch.cat(parts) * weight + bias
    return y.relu() if relu else y


def _inputs(sizes, width=WIDTH, dtype=torch.float32, offset=0.0):
    x = (torch.randn(sum(sizes), width, device=DEVICE) + offset).to(dtype).requires_grad_()
    weight, bias = (torch.randn(width, device=DEVICE, requires_grad=True) for _ in range(2))
    return x, weight, bias


def _layout(sizes, *, known=True):
    layout = SetLayout.from_sizes(sizes).to(DEVICE)
    if not known:
        layout.largest = 0
    return layout


@pytest.fixture(autouse=True)
def _fill_with_nan(monkeypatch):
    """Fill memory with NaN, so that numbers which a kernel does not write are NaN afterwards."""
    for name in ("empty_like", "empty"):
        made = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *a, made=made, **k: _nan(made(*a, **k)))
    made_new = torch.Tensor.new_empty
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *a, **k: _nan(made_new(*a, **k)))


def _nan(x):
    return x.fill_(torch.nan) if x.is_floating_point() and type(x) is torch.Tensor else x


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("dtype", "offset"), [*[(torch.float32, o) for o in (0.0, 1e3, 1e6)], (torch.bfloat16, 0.0)])
@pytest.mark.parametrize("known", [True, False], ids=["largest known", "largest unknown"])
def test_formula_and_every_gradient(sizes, dtype, offset, known):
    layout, (x, weight, bias) = _layout(sizes, known=known), _inputs(sizes, dtype=dtype, offset=offset)
    _check(x, weight, bias, sizes, layout, relu=True)


@pytest.mark.parametrize("width", [1, 128, 257, 1031])
@pytest.mark.parametrize("dtype", EXACT)
def test_widths_and_dtypes(width, dtype):
    sizes = (5, 1, 211)
    _check(*_inputs(sizes, width, dtype), sizes, _layout(sizes), relu=False)


def _check(x, weight, bias, sizes, layout, *, relu):
    close, gradients_close = EXACT[x.dtype]
    assert module.norm_kernels_serve(x, layout)
    got = set_norm(x, layout, weight, bias, eps=1e-5, relu=relu)
    assert (got.dtype, got.device) == (x.dtype, x.device)
    wide = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    expected = _formula(wide[0], sizes, wide[1], wide[2], relu)
    assert_close(got.double(), expected, "the result", close)
    # Where ReLU's kink is nearer than rounding, either side is right.
    far = _formula(wide[0], sizes, wide[1], wide[2], False).detach().abs() > (1e-4 if relu else -1)
    g = (torch.randn(got.shape, device=DEVICE) * far).to(got.dtype)
    found = torch.autograd.grad(got, (x, weight, bias), g)
    wanted = torch.autograd.grad(expected, wide, g.double())
    for a, b, name in zip(found, wanted, ("elements", "weight", "bias"), strict=True):
        assert_close(a.double(), b, f"the gradient by the {name}", gradients_close)


def test_an_element_far_from_the_rest():
    x = torch.randn(1009, WIDTH, device=DEVICE)
    x[0] += 1e5
    batch = sw.SetBatch.from_list([x, torch.full((3, WIDTH), 7.0, device=DEVICE)])
    got = SetNorm(WIDTH, device=torch.device(DEVICE))(batch).elements
    ones, zeros = torch.ones(WIDTH, device=DEVICE), torch.zeros(WIDTH, device=DEVICE)
    assert_close(got[:1009].double(), _formula(x.double(), (1009,), ones, zeros, False), "the result", 1e-6)
    assert torch.equal(got[1009:], torch.zeros(3, WIDTH, device=DEVICE))  # a constant set has no spread


@pytest.mark.parametrize("size", [7, 1009])
def test_nan_stays_in_its_set(size):
    sizes = (size, 5)
    x, weight, bias = _inputs(sizes)
    x.data[3, 2] = torch.nan
    y = set_norm(x, _layout(sizes), weight, bias, eps=1e-5, relu=True)
    assert y[:size].isnan().all()
    assert y[size:].isfinite().all()
    (of_x,) = torch.autograd.grad(y.sum(), x)
    assert of_x[:size].isnan().all()
    assert of_x[size:].isfinite().all()


def test_thousands_of_tiny_sets_and_a_large_one():
    sizes = [1, 2, 3] * 401 + [1201] + [1] * 97
    x, weight, bias = _inputs(sizes, 5)
    _check(x, weight, bias, sizes, _layout(sizes), relu=True)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_block(sizes, dtype):
    """x + linear2(ReLU(norm2(linear1(ReLU(norm1(x)))))), rounded where the kernels round."""
    layout = _layout(sizes)
    block = ResidualBlock(WIDTH, device=torch.device(DEVICE), dtype=dtype)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x = torch.randn(sum(sizes), WIDTH, device=DEVICE).to(dtype).requires_grad_()
    inputs = (x, *block.parameters())
    got = block(sw.SetBatch(x, layout)).elements
    g = torch.randn(got.shape, device=DEVICE).to(dtype)
    found = torch.autograd.grad(got, inputs, g)
    wide = dict(zip(("x", *dict(block.named_parameters())), (t.detach().double() for t in inputs), strict=True))
    for t in wide.values():
        t.requires_grad_()
    h = _formula(wide["x"], sizes, wide["norm1.weight"], wide["norm1.bias"], True)
    h = _formula(F.linear(h, wide["linear1.weight"]), sizes, wide["norm2.weight"], wide["norm2.bias"], True)
    expected = wide["x"] + F.linear(h, wide["linear2.weight"])
    wanted = torch.autograd.grad(expected, tuple(wide.values()), g.double())
    close = 1e-5 if dtype == torch.float32 else 2e-2
    assert_close(got.double(), expected, "the output", close)
    for a, b, name in zip(found, wanted, wide, strict=True):
        # Elements within rounding of ReLU's kink take the other side: few, but with their whole gradient.
        error = (a.double() - b).norm() / b.norm()
        assert error < (1e-3 if dtype == torch.float32 else 5e-2), f"the gradient by {name} is off by {error:.1e}"


def test_the_block_keeps_two_tensors():
    block, kept = ResidualBlock(WIDTH, device=torch.device(DEVICE)), []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    x = torch.randn(101, WIDTH, device=DEVICE, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        block(sw.SetBatch(x, _layout((101,))))
    assert len({t.untyped_storage().data_ptr() for t in kept if t.numel() >= x.numel()}) == 2


def test_the_same_bits_each_time_and_among_any_companions():
    sizes = (5, 3001, 1, 13)
    x, weight, bias = _inputs(sizes)
    layout = _layout(sizes)

    def run():
        y = set_norm(x, layout, weight, bias, eps=1e-5, relu=True)
        return [y, *torch.autograd.grad(y.square().sum(), (x, weight, bias))]

    first = run()
    assert all(torch.equal(a, b) for a, b in zip(first, run(), strict=True))
    alone = set_norm(x[5:3006], _layout((3001,)), weight, bias, eps=1e-5, relu=True)
    assert_close(alone, first[0][5:3006], "the set alone", 1e-6)


@pytest.mark.parametrize("make", [SetNorm, ResidualBlock])
def test_gradients_of_gradients(make):
    layer = make(3, device=torch.device(DEVICE))
    sizes = (5, 1, 7)
    x, g = (torch.randn(13, 3, device=DEVICE, requires_grad=True) for _ in range(2))

    def second(layer, x, g):
        y = layer(sw.SetBatch(x, _layout(sizes))).elements
        (of_x,) = torch.autograd.grad(y, x, g, create_graph=True)
        return torch.autograd.grad(of_x.square().sum(), (x, g, *layer.parameters()), allow_unused=True)

    found = second(layer, x, g)
    wide = [t.detach().double().requires_grad_() for t in (x, g)]
    wanted = second(layer.double(), *wide)  # float64 is torch's own operators'
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert_close(a.double(), b, "a second gradient", 1e-4)


def test_autocast():
    """Under autocast the block's products are in its dtype, or it leaves them to autocast."""
    block = ResidualBlock(WIDTH, device=torch.device(DEVICE))
    sizes = (101, 1, 7)
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(109, WIDTH, device=DEVICE).to(dtype)
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            got = block(sw.SetBatch(x, _layout(sizes))).elements
        assert got.dtype == dtype
        expected = block(sw.SetBatch(x.float(), _layout(sizes))).elements
        assert_close(got.float(), expected, f"{dtype} under autocast", 2e-2)


@pytest.mark.parametrize("why", ["float64", "export", "too wide"])
def test_falls_back(why):
    layout = _layout((3, 4))
    if why == "export":
        batch = sw.SetBatch(torch.randn(7, 3, device=DEVICE), layout)
        exported = torch.export.export(SetNorm(3, device=torch.device(DEVICE)), (batch,), strict=False)
        assert "setwise" not in exported.graph_module.code
        return
    x = torch.randn(7, 3, device=DEVICE).double() if why == "float64" else torch.zeros(7, 8193, device=DEVICE)
    assert not module.norm_kernels_serve(x, layout)


def test_opcheck(monkeypatch):
    monkeypatch.undo()  # opcheck compares empty tensors' metadata with fake ones
    offsets = torch.tensor([0, 5, 6, 19], device=DEVICE)
    for dtype in (torch.float32, torch.bfloat16):
        x, weight, bias, linear = (
            torch.randn(*s, device=DEVICE).to(dtype).requires_grad_() for s in ((19, 6), (6,), (6,), (6, 6))
        )
        torch.library.opcheck(torch.ops.setwise.set_norm, (x, offsets, weight, bias, 1e-5, True, 13))
        norms = (weight, bias, weight, bias)
        torch.library.opcheck(torch.ops.setwise.set_norm_block, (x, offsets, *norms, linear, linear, 1e-5, 13))


def test_compiles():
    model = sw.models.build("deep-sets++", 3, 2, depth=2, width=8).to(DEVICE)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for sizes in ((211, 1, 97), (3, 50, 7), (4, 4, 4)):
        batch = sw.SetBatch.from_list([torch.randn(n, 3, device=DEVICE) for n in sizes])
        torch.testing.assert_close(compiled(batch), model(batch))
        compiled(batch).sum().backward()


@pytest.mark.parametrize("capability", [80, 90])
def test_compiles_for_gpus_that_need_not_be_here(capability):
    """The interpreter runs what a compiler may refuse; every kernel compiles, and keeps its chunk in registers."""
    script = Path(__file__).parent / "compile_kernels.py"
    plain = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run([sys.executable, script, str(capability)], capture_output=True, text=True, env=plain)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [line.split() for line in done.stdout.splitlines()]
    assert len(found) == 2 * (3 + 6 + 6)
    assert [line for line in found if line[-1] != "0"] == []
