"""Models by name: parameter counts, every ablation of the paper, refusals."""

import json

import pytest
import torch

import setwise as sw
from setwise._checks import InputError
from setwise.models.families import family_of_model


def _count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "depth", "count"),
    [
        ("deep-sets", 50, 892_161),  # the authors' 51 blocks
        ("deep-sets++", 50, 898_689),
        ("set-transformer", 16, 2_395_137),
        ("set-transformer++", 16, 2_464_641),  # 2,468,737 with the norms that the authors' code never uses
    ],
)
def test_parameter_counts_of_the_paper(name, depth, count):
    assert _count(sw.models.build(name, in_features=2, out_features=1, depth=depth)) == count


TABLE_1 = [dict(name="deep-sets", depth=4, norm=norm) for norm in ("none", "layer", "feature", "set")]
TABLE_2 = [
    dict(name="deep-sets++", depth=4, norm=norm, residual=residual, path=path)
    for residual, path in (("equivariant", "non-clean"), ("equivariant", "clean"), ("mean", "clean"), ("max", "clean"))
    for norm in ("layer", "feature", "set")
]
TABLE_3 = [
    dict(name="set-transformer++", depth=2, norm=norm, residual=residual, path=path)
    for residual, path in (("equivariant", "non-clean"), ("equivariant", "clean"), ("mean", "clean"), ("max", "clean"))
    for norm in ("none", "layer", "feature", "set")
]


@pytest.mark.parametrize("choices", TABLE_1 + TABLE_2 + TABLE_3)
def test_every_row_of_the_tables_trains(choices):
    model = sw.models.build(in_features=3, out_features=2, width=8, covariates=1, **choices)
    batch = sw.SetBatch.from_list([torch.randn(n, 3) for n in (5, 1, 7)], covariates=torch.randn(3, 1))
    output = model(batch)
    assert output.shape == (3, 2)
    output.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("choices", TABLE_1 + TABLE_2 + TABLE_3)
def test_specs_survive_json(choices):
    spec = sw.models.make_spec(in_features=3, out_features=2, covariates=1, **choices)
    assert sw.models.spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    with pytest.raises(AttributeError):
        spec.depth = 3


def bias_of(model, place):
    """Return the bias of the linear layer at a place, or none."""
    layer = model.get_submodule(place)
    assert isinstance(layer, torch.nn.Linear)
    return layer.bias


def test_bias_rule():
    with_norm = sw.models.build("deep-sets++", 3, 2, depth=2, width=8)
    assert bias_of(with_norm, "encoder.0.module") is None
    assert bias_of(with_norm, "encoder.1.linear1") is None
    assert isinstance(with_norm, sw.models.SetModel)
    assert isinstance(with_norm.encoder, torch.nn.Sequential)
    assert bias_of(with_norm.encoder[-1], "module") is not None
    without = sw.models.build("deep-sets++", 3, 2, depth=2, width=8, norm="none")
    assert bias_of(without, "encoder.0.module") is not None
    assert bias_of(without, "encoder.1.linear2") is not None


def test_covariates_reach_the_output():
    for name in (name for name in sw.models.MODELS if family_of_model(name).is_network):
        depth = 2 if "depth" in family_of_model(name).choices() else None
        model = sw.models.build(name, 3, 2, width=8, covariates=2, depth=depth)
        sets = [torch.randn(4, 3)] * 2
        output = model(sw.SetBatch.from_list(sets, covariates=torch.tensor([[0.0, 1], [2, 3]])))
        assert not torch.allclose(output[0], output[1])
        with pytest.raises(InputError, match="built for 2 covariates; the batch has 0"):
            model(sw.SetBatch.from_list(sets))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(name="transformer"), r"'deep-sets', 'deep-sets\+\+'"),
        (dict(name="deep-sets++", norm="batch"), "norm must be one of"),
        (dict(name="deep-sets++", depth=3), "must be even"),
        (dict(name="deep-sets++", depth=0), "above zero"),
        (dict(name="deep-sets", path="clean"), "has no path"),
        (dict(name="deep-sets++", residual="mean", path="non-clean"), "clean path alone"),
        (dict(name="deep-sets++", residual="median"), "residual must be one of"),
        (dict(name="deep-sets++", path="dirty"), "path must be one of"),
        (dict(name="deep-sets++", pool="median"), "pool must be one of"),
        (dict(name="deep-sets++", heads=4), "no choice of heads"),
        (dict(name="set-transformer++", pool="mean"), "no choice of pool"),
        (dict(name="set-transformer++", residual="none"), "without a residual are not defined"),
        (dict(name="set-transformer++", heads=3), "heads must divide"),
        (dict(name="deep-sets++", elements="categories"), "categories must be given"),
        (dict(name="deep-sets++", categories=(3,)), "categories must be given exactly"),
        (dict(name="deep-sets++", covariates=-1), "at least zero"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(InputError, match=message):
        sw.models.build(in_features=2, out_features=1, **arguments)


def test_wrong_input_is_named():
    model = sw.models.build("deep-sets++", 2, 1, depth=2, width=8)
    with pytest.raises(
        InputError, match=r"shape \(N, 2\), as the model was built; got torch.float32 of shape \(N, 3\)"
    ):
        model(sw.SetBatch.from_list([torch.rand(5, 3)]))
    with pytest.raises(InputError, match=r"torch\.int64"):
        model(sw.SetBatch.from_list([torch.ones(5, 2, dtype=torch.int64)]))
    with pytest.raises(TypeError, match="whole number"):
        sw.models.build("deep-sets++", 2.0, 1)  # pyright: ignore[reportArgumentType] what is refused
    with pytest.raises(InputError, match=r"unknown: \['colour'\], missing: \['out_features'\]"):
        sw.models.spec_from_dict({"family": "deep-sets", "in_features": 2, "colour": 1})


def test_what_is_no_batch_is_refused():
    model = sw.models.build("deep-sets++", in_features=2, out_features=1, depth=2, width=8)
    with pytest.raises(TypeError, match="takes a SetBatch; got Tensor"):
        model(torch.ones(3, 2))
