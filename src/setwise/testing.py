"""The contracts that every layer and model keeps, as functions, so that users prove their own layers with them.

Each function raises ``AssertionError`` with the largest error and where it is. `check_contracts` calls them all.
"""

import copy
import io
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from setwise._checks import check_choice
from setwise.batch import SetBatch

#: Largest allowed error, relative to the largest number of the expected result, by dtype.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-4, torch.bfloat16: 6e-2}

Layer = Callable[[SetBatch], SetBatch | Tensor]


def check_contracts(
    make: Callable[[], nn.Module], batch: SetBatch, *, symmetry: str, exempt_companions: bool = False
) -> None:
    """Check all contracts of a layer.

    Args:
        make: builds the layer in float32; its parameters are random.
        batch: real elements in float32, sets of different sizes, one of them of size 1.
        symmetry: "equivariant" or "invariant".
        exempt_companions: the layer's statistics cross sets, so the output of a set may depend on its companions.
    """
    check_repeatable(make, batch)
    layer = make().double()
    wide = batch.to(torch.float64)
    check_permutation(layer, wide, symmetry=symmetry)
    check_representation(layer, wide[[0] * 3])
    if not exempt_companions:
        check_independence(layer, wide)
    check_gradients(layer, wide)
    check_precision(make(), batch)
    check_save_load(make, batch)


def check_permutation(layer: Layer, batch: SetBatch, *, symmetry: str, seed: int = 0) -> None:
    """Check contract 1: permuting the elements of each set, by its own permutation, permutes or leaves the output."""
    check_choice("symmetry", symmetry, ("equivariant", "invariant"))
    generator = torch.Generator().manual_seed(seed)
    order = torch.cat(
        [
            start + torch.randperm(size, generator=generator)
            for start, size in zip(batch.layout.offsets.tolist(), batch.sizes.tolist(), strict=False)
        ]
    )
    expected = _values(layer(batch))
    got = _values(layer(batch.with_elements(batch.elements[order])))
    if symmetry == "equivariant":
        expected = expected[order]
    assert_close(got, expected, f"permuting the elements must leave an {symmetry} layer's output in step")


def check_independence(layer: Layer, batch: SetBatch) -> None:
    """Check contract 2: a set gives the same output alone, among companions, first or last."""
    expected = _per_set(layer(batch), len(batch))
    backwards = list(range(len(batch)))[::-1]
    for position, got in zip(backwards, _per_set(layer(batch[backwards]), len(batch)), strict=True):
        assert_close(got, expected[position], f"set {position} must not depend on its position in the batch")
    for position in range(len(batch)):
        (alone,) = _per_set(layer(batch[position]), 1)
        assert_close(alone, expected[position], f"set {position} must give the same output alone")


def check_representation(layer: Layer, batch: SetBatch) -> None:
    """Check contract 2: sets of one size give the same output on the dense path and on the ragged one."""
    assert batch.layout.set_size is not None, "check_representation needs sets of one size"
    ragged = replace(batch, layout=replace(batch.layout, set_size=None))
    assert_close(
        _values(layer(ragged)), _values(layer(batch)), "the dense and the ragged path must give the same output"
    )


def check_gradients(layer: nn.Module, batch: SetBatch) -> None:
    """Check contract 4: derivatives by elements and parameters agree with finite differences, in float64."""
    layer = copy.deepcopy(layer).double()
    names = [name for name, _ in layer.named_parameters()]
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    elements = batch.elements.detach().double()
    inputs = [elements.requires_grad_(), *parameters] if batch.elements.is_floating_point() else parameters

    def run(*values: Tensor) -> Tensor:
        own = batch.with_elements(values[0]) if len(values) > len(names) else batch
        state = dict(zip(names, values[len(values) - len(names) :], strict=True))
        return _values(torch.func.functional_call(layer, state, (own,)))

    assert torch.autograd.gradcheck(run, tuple(inputs), fast_mode=True, nondet_tol=0.0)


def check_precision(layer: nn.Module, batch: SetBatch) -> None:
    """Check contract 4: the dtype is kept; bf16 (true or by autocast) and float32 agree with float64 to rounding."""
    expected = _values(copy.deepcopy(layer).double()(batch.to(torch.float64)))
    for dtype in (torch.float32, torch.bfloat16):
        got = _values(copy.deepcopy(layer).to(dtype)(batch.to(dtype)))
        assert got.dtype == dtype, f"a layer must keep the dtype; {dtype} became {got.dtype}"
        assert_close(got.double(), expected, f"{dtype} must agree with float64", TOLERANCE[dtype])
    with torch.autocast("cpu", torch.bfloat16):
        got = _values(copy.deepcopy(layer)(batch))
    assert_close(got.double(), expected, "bf16 autocast must agree with float64", TOLERANCE[torch.bfloat16])


def check_save_load(make: Callable[[], nn.Module], batch: SetBatch) -> None:
    """Check contract 5: a state dict, saved and loaded into a new layer, gives the same bits."""
    layer, other = make(), make()
    with torch.no_grad():
        for p in other.parameters():
            p.add_(1.0)
    expected = _values(layer.eval()(batch))
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(_values(other.eval()(batch)), expected), "a saved and loaded layer must give the same bits"


def check_repeatable(make: Callable[[], nn.Module], batch: SetBatch, *, seed: int = 0) -> None:
    """Check contract 5: the same seed gives the same bits on the CPU, forward and backward."""
    results = []
    for _ in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layer = make()
        elements = batch.elements.detach().requires_grad_(batch.elements.is_floating_point())
        output = _values(layer(batch.with_elements(elements)))
        inputs = [x for x in (elements, *layer.parameters()) if x.requires_grad]
        gradients = torch.autograd.grad(output.square().sum(), inputs, allow_unused=True)
        results.append([output, *(g for g in gradients if g is not None)])
    same = all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert same, "the same seed must give the same bits"


def assert_close(got: Tensor, expected: Tensor, what: str, tolerance: float | None = None) -> None:
    """Raise where two tensors differ by more than their dtype's tolerance; names the largest error and its place."""
    assert got.shape == expected.shape, f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    tolerance = TOLERANCE[got.dtype] if tolerance is None else tolerance
    got, expected = got.detach(), expected.detach()
    error = (got - expected).abs()
    scale = max(float(expected.abs().max()), 1e-30)
    largest = float(error.max()) / scale
    if not largest <= tolerance:
        place = tuple(int(i) for i in torch.unravel_index(error.nan_to_num(torch.inf).argmax(), error.shape))
        raise AssertionError(f"{what}: largest relative error {largest:.2e} at {place}, allowed {tolerance:.0e}")


def _values(output: SetBatch | Tensor) -> Tensor:
    return output.elements if isinstance(output, SetBatch) else output


def _per_set(output: SetBatch | Tensor, num_sets: int) -> list[Tensor]:
    parts = output.to_list() if isinstance(output, SetBatch) else list(output)
    assert len(parts) == num_sets, f"a layer must return {num_sets} sets; got {len(parts)}"
    return parts
