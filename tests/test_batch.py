"""The packed batch: ways in and out, refusals, and what torch and Fabric do with it."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch.utils.checkpoint import checkpoint

import setwise as sw
from setwise import SetBatch
from setwise._checks import InputError

SIZES = (3, 1, 7)


@pytest.fixture
def sets():
    return [torch.randn(n, 2) for n in SIZES]


@pytest.fixture
def batch(sets):
    return SetBatch.from_list(sets, covariates=torch.randn(3, 5))


def test_layout_by_hand(batch):
    assert batch.sizes.tolist() == [3, 1, 7]
    assert batch.layout.offsets.tolist() == [0, 3, 4, 11]
    assert batch.layout.set_index.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]
    assert batch.layout.set_size is None
    assert (len(batch), batch.layout.num_elements) == (3, 11)


def test_every_way_in_gives_the_same_batch(sets, batch):
    padded, sizes = batch.to_padded()
    mask = torch.arange(7) < sizes[:, None]
    shuffled = mask.flip(1)  # real elements at the end of their rows
    moved = torch.full_like(padded, torch.nan)
    moved[shuffled] = batch.elements
    numpy_sets = [x.numpy().astype(np.float64) for x in sets]
    for other in (
        SetBatch.from_packed(batch.elements, [3, 1, 7]),
        SetBatch.from_padded(padded, sizes),
        SetBatch.from_padded(padded.masked_fill(~mask[..., None], torch.nan), sizes),
        SetBatch.from_padded(moved, mask=shuffled),
        SetBatch.from_list(numpy_sets),
        SetBatch.cat([SetBatch.from_list(sets[:1]), SetBatch.from_list(sets[1:])]),
    ):
        assert torch.equal(other.elements, batch.elements)
        assert other.elements.dtype == torch.float32
        assert torch.equal(other.sizes, batch.sizes)
        assert torch.equal(other.layout.set_index, batch.layout.set_index)


def test_padding_is_zero_and_equal_sizes_are_views():
    padded, _ = SetBatch.from_list([torch.ones(1, 2), torch.ones(3, 2)]).to_padded()
    assert torch.equal(padded[0], torch.tensor([[1.0, 1], [0, 0], [0, 0]]))
    dense = torch.randn(4, 3, 2)
    batch = SetBatch.from_padded(dense)
    assert batch.layout.set_size == 3
    assert batch.elements.data_ptr() == dense.data_ptr()
    assert batch.to_padded()[0].data_ptr() == dense.data_ptr()


def test_trailing_shapes_and_dtypes():
    images = SetBatch.from_list([np.zeros((2, 3, 5, 5), np.uint8), np.ones((1, 3, 5, 5), np.uint8)])
    assert images.elements.shape == (3, 3, 5, 5)
    assert images.dtype == torch.uint8
    assert images.to_padded()[0].shape == (2, 2, 3, 5, 5)
    codes = SetBatch.from_list([torch.tensor([1, 2]), torch.tensor([3])])
    assert codes.elements.shape == (3,)
    assert codes.to(torch.float64).dtype == torch.int64


def test_picking_sets(sets, batch):
    assert torch.equal(batch[2].elements, sets[2])
    assert torch.equal(batch[-1].elements, sets[2])
    for index in ([2, 0], torch.tensor([2, 0]), np.array([2, 0])):
        picked = batch[index]
        assert torch.equal(picked.elements, torch.cat([sets[2], sets[0]]))
        assert torch.equal(picked.covariates, batch.covariates[[2, 0]])
    assert batch[1:].sizes.tolist() == [1, 7]
    assert batch[torch.tensor([True, False, True])].sizes.tolist() == [3, 7]
    with pytest.raises(InputError, match="at least one set"):
        batch[5:]


def test_moves(batch):
    assert batch.to("cpu", torch.float64).dtype == torch.float64
    assert batch.to(torch.float64).covariates.dtype == torch.float64
    assert batch.to("meta").device.type == "meta"
    assert batch.to("meta").layout.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="page-locked memory needs CUDA")
def test_pinning(batch):
    pinned = batch.pin_memory()
    assert pinned.elements.is_pinned()
    assert pinned.layout.offsets.is_pinned()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SetBatch.from_list([]), "at least one set"),
        (lambda: SetBatch.from_list([torch.rand(2, 2), torch.rand(0, 2)]), "set 1 has 0"),
        (lambda: SetBatch.from_list([torch.rand(0, 2)], names=["anna"]), "set 'anna' has 0"),
        (lambda: SetBatch.from_list([torch.rand(2, 2), torch.rand(2, 3)]), r"set 1 has shape \(2, 3\)"),
        (lambda: SetBatch.from_list(torch.rand(3)), "list of arrays"),  # pyright: ignore[reportArgumentType] what is refused
        (
            lambda: SetBatch.from_list([torch.ones(2, 2), torch.tensor([[1.0, 2], [3, torch.nan]])]),
            "element 1 of set 1",
        ),
        (lambda: SetBatch.from_list([np.array([[1e300]])]), "NaN or infinity"),
        (lambda: SetBatch.from_packed(torch.rand(3, 2), [1, 1]), "add up to 2, and there are 3"),
        (lambda: SetBatch.from_packed(torch.rand(3, 2), [4, -1]), "set 1 has -1"),
        (lambda: SetBatch.from_packed(torch.rand(3, 2), [1.5, 1.5]), "whole numbers"),  # pyright: ignore[reportArgumentType] what is refused
        (lambda: SetBatch.from_packed(torch.tensor(1.0), [1]), "single number"),
        (lambda: SetBatch.from_padded(torch.rand(2), [1, 1]), "shape"),
        (lambda: SetBatch.from_padded(torch.rand(2, 3, 1), [1, 4]), "at most 3"),
        (lambda: SetBatch.from_padded(torch.rand(2, 3, 1), [1]), "must be 2 numbers"),
        (lambda: SetBatch.from_padded(torch.rand(2, 3, 1), [1, 2], mask=torch.ones(2, 3)), "not both"),
        (lambda: SetBatch.from_padded(torch.rand(2, 3, 1), mask=torch.ones(2, 3)), "boolean"),
        (lambda: SetBatch.from_padded(torch.rand(2, 3, 1), mask=torch.eye(2, 3) > 1), "set 0 has 0"),
        (lambda: SetBatch.from_list([torch.rand(2, 2)], covariates=torch.rand(2, 1)), "one row per set"),
        (lambda: SetBatch.from_list([torch.rand(2, 2)], covariates=torch.full((1, 1), torch.inf)), "those of set 0"),
        (lambda: SetBatch.cat([]), "at least one set"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_text_is_a_wrong_type():
    with pytest.raises(TypeError, match="must be numbers"):
        SetBatch.from_list([np.array([["a"]])])


RAGGED, DENSE, LARGE = (6, 1, 10), (5, 5, 5), (211, 1, 97)
MODELS = [("deep-sets++", {}), ("set-transformer++", {"heads": 2, "inducing": 3})]


def _small(name, choices, sizes):
    model = sw.models.build(name, 3, 2, depth=2, width=8, **choices)
    return model, SetBatch.from_list([torch.randn(n, 3) for n in sizes])


@pytest.mark.parametrize("sizes", [pytest.param(RAGGED, marks=pytest.mark.slow), DENSE, LARGE])
@pytest.mark.parametrize(("name", "choices"), MODELS)
def test_compiles_as_one_graph(name, choices, sizes):
    model, batch = _small(name, choices, sizes)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(batch), model(batch))
    expected = torch.autograd.grad(model(batch).sum(), list(model.parameters()))
    got = torch.autograd.grad(compiled(batch).sum(), list(model.parameters()))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("sizes", [pytest.param(RAGGED, marks=pytest.mark.slow), DENSE, LARGE])
@pytest.mark.parametrize(("name", "choices"), MODELS)
def test_exports(name, choices, sizes):
    model, batch = _small(name, choices, sizes)
    exported = torch.export.export(model, (batch,), strict=False)
    assert "setwise" not in exported.graph_module.code  # plain torch operators alone
    torch.testing.assert_close(exported.module()(batch), model(batch), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", [RAGGED, DENSE, LARGE])
@pytest.mark.parametrize(("name", "choices"), MODELS)
def test_checkpoints_activations(name, choices, sizes):
    model, batch = _small(name, choices, sizes)
    assert isinstance(model, sw.models.SetModel)
    expected = torch.autograd.grad(model.encoder(batch).elements.sum(), list(model.encoder.parameters()))
    got = checkpoint(model.encoder, batch, use_reentrant=False).elements.sum()
    torch.testing.assert_close(torch.autograd.grad(got, list(model.encoder.parameters())), expected)


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16-mixed", 0.06), ("bf16-true", 0.06), ("64-true", 1e-4)])
@pytest.mark.parametrize(("name", "choices"), MODELS)
def test_fabric_precision(name, choices, precision, tolerance):
    model, batch = _small(name, choices, RAGGED)
    expected = model(batch).detach()
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    model = fabric.setup(model)
    output = model(fabric.to_device(batch))
    fabric.backward(output.float().square().mean())
    assert (output.float() - expected).abs().max() <= tolerance * expected.abs().max()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_arrays_whose_memory_torch_cannot_share():
    x = np.arange(10.0).reshape(5, 2)
    read_only = x.copy()
    read_only.flags.writeable = False
    batch = SetBatch.from_list([x[::-1], read_only, np.broadcast_to(np.float32(3), (2, 2))])
    np.testing.assert_array_equal(batch.elements.numpy(), np.concatenate([x[::-1], x, np.full((2, 2), 3.0)]))
