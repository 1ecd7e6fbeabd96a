"""PointNet against its formula in float64; its transforms and their penalty; the way through everything."""

import copy

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

import setwise as sw
from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.explanations.explain import explain
from setwise.layers import penalties
from setwise.models import build
from setwise.models.pointnet_network import TNet, distance_from_orthogonal
from setwise.models.stream import stream
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.export import save_program
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.testing import (
    assert_close,
    check_gradients,
    check_independence,
    check_permutation,
    check_representation,
)
from tests.fixtures.gradients import gradient_of
from tests.fixtures.held import Held
from tests.fixtures.training import train

SIZES = (5, 1, 13)


def drawn(**choices):
    """A model whose parameters are all drawn, since transforms start at the identity."""
    torch.manual_seed(0)
    model = build("pointnet", 3, 2, **{"width": 4, "dtype": torch.float64, **choices})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def batch_of(covariates=0):
    draw = torch.Generator().manual_seed(1)
    sets = [torch.randn(n, 3, generator=draw, dtype=torch.float64) for n in SIZES]
    own = torch.randn(len(SIZES), covariates, generator=draw, dtype=torch.float64) if covariates else None
    return sw.SetBatch.from_list(sets, covariates=own)


def block(state, name, x):
    """ReLU(set norm(linear)) of one set."""
    h = x @ state[f"{name}.linear.weight"].T
    h = (h - h.mean()) / (h.var(correction=0) + 1e-5).sqrt()
    return F.relu(h * state[f"{name}.norm.weight"] + state[f"{name}.norm.bias"])


def mlp(state, name, x):
    for layer in (0, 2):
        x = F.relu(x @ state[f"{name}.{layer}.weight"].T + state[f"{name}.{layer}.bias"])
    return x @ state[f"{name}.4.weight"].T + state[f"{name}.4.bias"]


def transform(state, name, x):
    h = x
    for layer in range(3):
        h = block(state, f"{name}.shared.{layer}", h)
    return torch.eye(x.shape[1], dtype=x.dtype) + mlp(state, f"{name}.decoder", h.amax(0)).view(x.shape[1], -1)


def test_against_the_formula():
    model, batch = drawn(covariates=2), batch_of(2)
    state, got = model.state_dict(), model(batch)
    assert batch.covariates is not None
    for number, x in enumerate(batch.to_list()):
        x = x @ transform(state, "encoder.0", x)
        for layer in (1, 2):
            x = block(state, f"encoder.{layer}", x)
        x = x @ transform(state, "encoder.3", x)
        for layer in (4, 5, 6):
            x = block(state, f"encoder.{layer}", x)
        pooled = torch.cat([x.amax(0), batch.covariates[number]])
        torch.testing.assert_close(got[number], mlp(state, "decoder.layers", pooled), rtol=1e-10, atol=1e-10)


def test_outputs_per_element_against_the_formula():
    model, batch = drawn(output="elements"), batch_of()
    state, got = model.state_dict(), model(batch).to_list()
    for number, x in enumerate(batch.to_list()):
        x = x @ transform(state, "encoder.0", x)
        for layer in (1, 2):
            x = block(state, f"encoder.{layer}", x)
        x = x @ transform(state, "encoder.3", x)
        whole = x
        for layer in range(3):
            whole = block(state, f"encoder.4.shared.{layer}", whole)
        x = torch.cat([x, whole.amax(0).expand(len(x), -1)], 1)
        for layer in (5, 6, 7):
            x = block(state, f"encoder.{layer}", x)
        want = x @ state["head.module.weight"].T + state["head.module.bias"]
        torch.testing.assert_close(got[number], want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("output", ["sets", "elements"])
def test_contracts_of_the_whole_model(output):
    model, batch = drawn(output=output), batch_of()
    check_permutation(model, batch, symmetry="invariant" if output == "sets" else "equivariant")
    check_independence(model, batch)
    check_representation(model, batch[[0] * 3])
    check_gradients(model, batch)
    narrow, want = copy.deepcopy(model).float(), model(batch)
    got = narrow(batch.to(torch.float32))
    values = (got, want) if output == "sets" else (got.elements, want.elements)
    assert_close(values[0].double(), values[1], "float32", 1e-4)


def test_widths_are_the_paper_s():
    model = build("pointnet", 3, 40)
    shapes = {name: tuple(value.shape) for name, value in model.named_parameters() if value.dim() == 2}
    assert [shapes[f"encoder.{i}.linear.weight"][0] for i in (1, 2, 4, 5, 6)] == [64, 64, 64, 128, 1024]
    for net, square in (("encoder.0", 9), ("encoder.3", 64**2)):
        assert [shapes[f"{net}.shared.{i}.linear.weight"][0] for i in range(3)] == [64, 128, 1024]
        assert [shapes[f"{net}.decoder.{i}.weight"][0] for i in (0, 2, 4)] == [512, 256, square]
    assert [shapes[f"decoder.layers.{i}.weight"][0] for i in (0, 2, 4)] == [512, 256, 40]


def test_transforms_start_at_the_identity_and_learn():
    net, batch = TNet(3, 4, penalty=1.0), sw.SetBatch.from_list([torch.randn(n, 3) for n in SIZES])
    torch.testing.assert_close(net(batch).elements, batch.elements, rtol=1e-6, atol=1e-6)
    net(batch).elements.square().sum().backward()
    last = net.decoder[-1]
    assert isinstance(last, torch.nn.Linear)
    assert gradient_of(last.weight).abs().max() > 0
    assert gradient_of(last.bias).abs().max() > 0


@pytest.mark.parametrize("memory", ["normal", "low"])
def test_the_penalty_by_hand(memory):
    model, batch = drawn(orthogonality=0.7), batch_of()
    model.memory = memory
    with penalties.collected() as terms:
        outputs = model(batch)
    (term,) = terms
    state, want = model.state_dict(), []
    for x in batch.to_list():
        x = x @ transform(state, "encoder.0", x)
        for layer in (1, 2):
            x = block(state, f"encoder.{layer}", x)
        t = transform(state, "encoder.3", x)
        want.append((torch.eye(4, dtype=t.dtype) - t @ t.T).square().sum())
    torch.testing.assert_close(term().detach(), 0.7 * torch.stack(want).mean(), rtol=1e-10, atol=1e-10)
    (outputs.sum() + term()).backward()  # also where activations are recomputed
    rotation = torch.linalg.qr(torch.randn(2, 5, 5, dtype=torch.float64)).Q
    assert distance_from_orthogonal(rotation) < 1e-20


def test_nothing_is_added_in_evaluation_or_without_a_feature_transform():
    for choices in ({"transforms": "input"}, {"transforms": "none"}, {"orthogonality": 0.0}):
        with penalties.collected() as terms:
            drawn(**choices)(batch_of())
        assert not terms
    with penalties.collected() as terms:
        drawn().eval()(batch_of())
    assert not terms


@pytest.mark.parametrize("norm", ["set", "layer", "none", "rms-set", "feature"])
@pytest.mark.parametrize("output", ["sets", "elements"])
def test_huge_sets_are_streamed_exactly(norm, output):
    model = drawn(norm=norm, output=output, covariates=1).eval()
    draw = torch.Generator().manual_seed(2)
    x, own = torch.randn(101, 3, generator=draw, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    want = model(sw.SetBatch.from_list([x], covariates=own))
    want = want if output == "sets" else want.elements
    torch.testing.assert_close(stream(model, Held(x), own, chunk=7), want, rtol=1e-9, atol=1e-9)


def test_choices_are_checked():
    with pytest.raises(InputError, match="pointnet has no choice of depth"):
        build("pointnet", 3, 1, depth=2)
    with pytest.raises(InputError, match="has no choice of pool"):
        build("pointnet", 3, 1, pool="mean")
    assert build("pointnet", 3, 1, pool="max", width=4).spec == sw.models.make_spec("pointnet", 3, 1, width=4)
    with pytest.raises(InputError, match="transforms must be one of"):
        build("pointnet", 3, 1, transforms="all")
    with pytest.raises(InputError, match="orthogonality must be at least zero"):
        build("pointnet", 3, 1, orthogonality=-1.0)
    with pytest.raises(InputError, match=r"a transform of 2,000 features takes .* weights"):
        sw.models.make_spec("pointnet", 2000, 1)
    sw.models.make_spec("pointnet", 2000, 1, transforms="feature")


@pytest.mark.parametrize("elements", ["categories", "images"])
def test_other_elements(elements):
    if elements == "categories":
        model = build("pointnet", 2, 3, width=4, elements=elements, categories=(3, 5))
        batch = sw.SetBatch.from_list([torch.randint(0, 3, (n, 2)) for n in (3, 1)])
    else:
        model = build("pointnet", 1, 3, width=4, elements=elements)
        batch = sw.SetBatch.from_list([torch.randn(n, 1, 46, 46) for n in (3, 1)])
    assert model(batch).shape == (2, 3)


@pytest.mark.slow
def test_fit_save_load_explain_export(tmp_path):
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 2, 1.0, (1 + i % 9, 3)) for i in range(31)]
    store = read(sets, sets=pa.table({"kind": [("low", "high")[i % 2] for i in range(31)]}))
    config = FitConfig(epochs=2, device="cpu", ensemble=1, batch_size=7)
    run = train(store, targets="kind", model="pointnet", config=config, baselines=False, out=tmp_path / "run")
    assert (run.record.spec["family"], run.record.spec["width"]) == ("pointnet", 16)  # as few sets ask for
    loaded, rows = Run.load(tmp_path / "run"), np.arange(len(store))
    assert np.array_equal(predictions_of(loaded, store, rows), predictions_of(run, store, rows))
    found = explain(loaded, store, config=ExplainConfig(max_sets=2), device="cpu")
    assert found.coupling == "a T-Net, whose transform the whole set decides and set norm"
    assert {"leave_one_out", "integrated_gradients"} == set(found.methods)
    assert save_program(loaded, tmp_path / "model.pt2") < 1e-4
