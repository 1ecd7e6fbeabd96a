"""The five contracts, over every public layer and model."""

import pytest
import torch
from torch import nn

import setwise as sw
from setwise import layers
from setwise.models.families import family_of_model
from setwise.testing import assert_close, check_contracts
from setwise.variants import NORMS, POOLS

WIDTH = 8


class _SelfQueries(nn.Module):
    """A MAB whose queries are the keys moved: a layer of one batch, for the table."""

    def __init__(self):
        super().__init__()
        self.block = layers.MultiheadAttentionBlock(WIDTH, WIDTH, heads=2)

    def forward(self, batch):
        return self.block(batch.with_elements(batch.elements.roll(1, dims=1)), batch)


class _PooledDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.pooling, self.decoder = layers.Pooling("mean"), layers.MLPDecoder(WIDTH, 3)

    def forward(self, batch):
        return self.decoder(self.pooling(batch))


def _model(name, **choices):
    outputs = 1 if choices.get("output") == "which-element" else 3
    # Shallow, since bfloat16 loses more than is allowed in ten layers of drawn weights, whatever the family.
    shallow = {"depth": 2} if "depth" in family_of_model(name).choices() else {"transforms": "input"}
    return lambda: sw.models.build(name, WIDTH, outputs, **{"width": WIDTH, **shallow, **choices})


def _fitted(make):
    """Fit a summary to drawn elements."""

    def build():
        layer = make()
        layer.fit([sw.SetBatch.from_list([torch.randn(13, WIDTH) for _ in range(17)])], seed=0)
        return layer.float()

    return build


# name: (what builds it, symmetry, whether its statistics cross sets)
TABLE = {
    "Normalisation {}": (lambda: layers.Normalisation(WIDTH, statistics=""), "equivariant", True),
    "Normalisation BD": (lambda: layers.Normalisation(WIDTH, statistics="BD"), "equivariant", False),
    "SetNorm": (lambda: layers.SetNorm(WIDTH), "equivariant", False),
    "LayerNorm": (lambda: layers.LayerNorm(WIDTH), "equivariant", False),
    "FeatureNorm": (lambda: layers.FeatureNorm(WIDTH), "equivariant", True),
    "FeatureNorm by set": (
        lambda: layers.FeatureNorm(WIDTH, running=False, weighting="set"),
        "equivariant",
        True,
    ),
    "FeatureNorm eval": (lambda: layers.FeatureNorm(WIDTH).eval(), "equivariant", False),
    **{
        f"norm {word}": (
            lambda word=word: layers.make_norm(word, WIDTH),
            "equivariant",
            layers.make_norm(word, WIDTH).crosses_sets(),
        )
        for word in NORMS
    },
    "FeedForwardBlock": (lambda: layers.FeedForwardBlock(WIDTH, 5), "equivariant", False),
    **{
        f"ResidualBlock {residual} {path} {norm}": (
            lambda residual=residual, path=path, norm=norm: layers.ResidualBlock(
                WIDTH, residual=residual, path=path, norm=norm
            ),
            "equivariant",
            norm == "feature",
        )
        for residual, path in (
            ("equivariant", "clean"),
            ("equivariant", "non-clean"),
            ("mean", "clean"),
            ("max", "clean"),
        )
        for norm in ("none", "set", "layer", "feature")
    },
    "MultiheadAttentionBlock": (_SelfQueries, "equivariant", False),
    "SetAttentionBlock": (lambda: layers.SetAttentionBlock(WIDTH, WIDTH, heads=2), "equivariant", False),
    "SetAttentionBlock non-clean": (
        lambda: layers.SetAttentionBlock(WIDTH, 6, heads=2, path="non-clean"),
        "equivariant",
        False,
    ),
    **{
        f"InducedSetAttentionBlock {residual} {path}": (
            lambda residual=residual, path=path: layers.InducedSetAttentionBlock(
                WIDTH, WIDTH, heads=2, inducing=3, residual=residual, path=path
            ),
            "equivariant",
            False,
        )
        for residual, path in (
            ("equivariant", "clean"),
            ("equivariant", "non-clean"),
            ("mean", "clean"),
            ("max", "clean"),
        )
    },
    "PoolingByAttention": (lambda: layers.PoolingByAttention(WIDTH, heads=2, seeds=3), "invariant", False),
    **{f"Pooling {p}": (lambda p=p: layers.Pooling(p), "invariant", False) for p in ("sum", "mean", "max", "std")},
    **{f"pool {word}": (lambda word=word: layers.make_pooling(word, WIDTH), "invariant", False) for word in POOLS},
    "Moments": (lambda: layers.Moments(), "invariant", False),
    "Codebook": (_fitted(layers.Codebook), "invariant", False),
    "FourierEmbedding": (_fitted(layers.FourierEmbedding), "invariant", False),
    "FisherVector": (_fitted(layers.FisherVector), "invariant", False),
    "SlicedQuantiles": (_fitted(layers.SlicedQuantiles), "invariant", False),
    "Correlations": (_fitted(layers.Correlations), "invariant", False),
    "Elementwise": (lambda: layers.Elementwise(nn.Linear(WIDTH, 3)), "equivariant", False),
    "MLPDecoder": (_PooledDecoder, "invariant", False),
    "SetModel deep-sets": (_model("deep-sets"), "invariant", False),
    "SetModel deep-sets attention": (_model("deep-sets", pool="attention"), "invariant", False),
    "SetModel deep-sets++": (_model("deep-sets++", pool="mean"), "invariant", False),
    "SetModel deep-sets++ non-clean": (_model("deep-sets++", path="non-clean", pool="std"), "invariant", False),
    "SetModel deep-sets++ mean": (_model("deep-sets++", residual="mean", pool="max"), "invariant", False),
    "SetModel set-transformer": (_model("set-transformer", heads=2, inducing=3), "invariant", False),
    "SetModel set-transformer++": (_model("set-transformer++", heads=2, inducing=3), "invariant", False),
    **{
        f"SetModel pointnet {transforms} {norm}": (
            _model("pointnet", transforms=transforms, norm=norm),
            "invariant",
            layers.make_norm(norm, WIDTH).crosses_sets(),
        )
        for transforms, norm in (("both", "set"), ("input", "layer"), ("feature", "feature"), ("none", "none"))
    },
    "SetModel set-transformer++ max": (
        _model("set-transformer++", heads=2, inducing=3, residual="max"),
        "invariant",
        False,
    ),
}
TABLE |= {
    f"ElementModel {name} {output}": (_model(name, output=output), "equivariant", False)
    for name in sw.models.MODELS
    if family_of_model(name).is_network
    for output in ("elements", "which-element")
}
# Element encoders take elements that are not vectors; their own tests prove the contracts that apply.
ELSEWHERE = {"CategoryEncoder", "ImageEncoder"}


def _random(make):
    """Draw all parameters, since those that start at one or zero would hide faults."""

    def build():
        module = make()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return module

    return build


def _batch(sizes):
    return sw.SetBatch.from_list([torch.randn(n, WIDTH) * (1 + n % 3) + n % 2 for n in sizes])


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("sizes", [(5, 1, 3, 13), (97, 1, 211), (7, 7, 7)], ids=["tiny", "ragged", "dense"])
def test_contracts(name, sizes):
    make, symmetry, crosses = TABLE[name]
    check_contracts(_random(make), _batch(sizes), symmetry=symmetry, exempt_companions=crosses)


@pytest.mark.parametrize("name", TABLE)
def test_mixed_sizes_in_one_batch(name):
    make, _, crosses = TABLE[name]
    layer = _random(make)().double()
    batch = _batch((1, 2, 1009, 3, 5)).to(torch.float64)
    output = layer(batch)
    values = output.elements if isinstance(output, sw.SetBatch) else output
    assert torch.isfinite(values).all()
    if crosses:
        return
    for position in (0, 2):
        alone = layer(batch[position])
        if isinstance(output, sw.SetBatch):
            assert_close(alone.elements, output.to_list()[position], f"set {position} alone")
        else:
            assert_close(alone[0], output[position], f"set {position} alone")


def test_every_public_layer_is_in_the_table():
    public = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    others = {"SetModel", "ElementModel", "norm", "pool"}
    assert {name.split()[0] for name in TABLE} - others | ELSEWHERE == public
    for kind in ("SetModel", "ElementModel"):
        models = {name.split()[1] for name in TABLE if name.startswith(kind)}
        assert models == {name for name in sw.models.MODELS if family_of_model(name).is_network}


@pytest.mark.parametrize("padding", [0, 1])
def test_image_encoder_sees_each_image_alone(padding):
    encoder = layers.ImageEncoder(2, padding=padding)
    batch = sw.SetBatch.from_list([torch.randn(n, 2, 47, 53) for n in (2, 1, 3)])
    out = encoder(batch)
    assert out.elements.shape == (6, 256)
    assert_close(encoder(batch[1]).elements, out.to_list()[1], "an image alone")


def test_image_encoder_refuses_small_images():
    with pytest.raises(ValueError, match="at least 46 pixels"):
        layers.ImageEncoder(1)(sw.SetBatch.from_list([torch.randn(2, 1, 28, 28)]))


def test_category_encoder_adds_one_embedding_per_column():
    encoder = layers.CategoryEncoder([3, 5], 7)
    out = encoder(sw.SetBatch.from_list([torch.tensor([[2, 4]]), torch.tensor([[0, 1], [1, 0]])]))
    first, second = encoder.embeddings
    assert isinstance(first, nn.Embedding)
    assert isinstance(second, nn.Embedding)
    torch.testing.assert_close(out.elements[0], first.weight[2] + second.weight[4])
    with pytest.raises(ValueError, match="whole numbers of shape"):
        encoder(sw.SetBatch.from_list([torch.rand(2, 2)]))


@pytest.mark.parametrize("elements", ["categories", "images"])
def test_models_of_other_elements(elements):
    if elements == "categories":
        model = sw.models.build("deep-sets++", 2, 3, depth=2, width=8, elements=elements, categories=(3, 5))
        sets = [torch.randint(0, 3, (n, 2)) for n in (3, 1)]
    else:
        model = sw.models.build("set-transformer++", 1, 3, depth=1, width=8, heads=2, elements=elements)
        sets = [torch.randn(n, 1, 46, 46) for n in (3, 1)]
    batch = sw.SetBatch.from_list(sets)
    out = model(batch)
    assert out.shape == (2, 3)
    assert_close(model(batch[1])[0], out[1], "a set alone")
    assert sw.models.spec_from_dict(model.spec.to_dict()) == model.spec
