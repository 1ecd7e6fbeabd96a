import numpy as np
import pytest
import torch

import setwise as sw
from setwise import layers
from setwise._checks import InputError
from setwise.models import ElementModel, build, make_spec, spec_from_dict
from tests.fixtures.gradients import gradient_of


def _batch(covariates=None):
    torch.manual_seed(0)
    return sw.SetBatch.from_list([torch.randn(5, 3), torch.randn(1, 3), torch.randn(211, 3)], covariates)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("deep-sets", layers.Elementwise),
        ("deep-sets++", layers.ResidualBlock),
        ("set-transformer", layers.InducedSetAttentionBlock),
        ("set-transformer++", layers.Normalisation),
    ],
)
def test_the_head_follows_what_the_paper_says(name, last):
    model = build(name, 3, 2, depth=2, width=8, output="elements")
    assert isinstance(model, ElementModel)
    assert isinstance(model.encoder, torch.nn.Sequential)
    assert isinstance(model.encoder[-1], last)
    assert isinstance(model.head.module, torch.nn.Linear)


def test_log_probabilities_agree_with_the_plain_formula():
    model = build("set-transformer++", 3, 1, depth=2, width=8, output="which-element").double()
    assert isinstance(model, ElementModel)
    batch = _batch().to(torch.float64)
    logits = model.head(model.encoder(batch)).to_list()
    for found, own in zip(model(batch).to_list(), logits, strict=True):
        assert torch.allclose(found, own - own.exp().sum().log(), atol=1e-12)


def test_plain_deep_sets_treat_elements_alone_and_deep_sets_plus_plus_do_not():
    for name, alone in (("deep-sets", True), ("deep-sets++", False), ("set-transformer++", False)):
        model = build(name, 3, 2, depth=2, width=8, output="elements").double()
        batch = _batch().to(torch.float64)
        one = sw.SetBatch.from_list([batch.elements[:1]])
        same = torch.allclose(model(one).elements[0], model(batch).elements[0], atol=1e-12)
        assert same == alone, name


def test_covariates_are_features_of_every_element():
    model = build("deep-sets++", 3, 2, depth=2, width=8, covariates=2, output="elements")
    low = model(_batch(np.zeros((3, 2)))).elements
    one = np.zeros((3, 2))
    one[1, 0] = 1.0
    moved = (model(_batch(one)).elements - low).abs().amax(1)
    assert moved[5] > 0
    assert moved[[*range(5), *range(6, 217)]].max() == 0


def test_a_specification_survives_its_dictionary():
    spec = make_spec("deep-sets++", 3, 2, depth=2, output="elements")
    assert spec_from_dict(spec.to_dict()) == spec
    older = {name: value for name, value in make_spec("deep-sets++", 3, 2).to_dict().items() if name != "output"}
    assert spec_from_dict(older).output == "sets"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"pool": "mean"}, "pool nothing"),
        ({"output": "all"}, "output"),
        ({"covariates": 1, "elements": "images"}, "Leave them out"),
        ({"output": "which-element"}, "one output per element; got 2"),
    ],
)
def test_what_makes_no_sense_is_refused(choices, words):
    with pytest.raises(InputError, match=words):
        build("deep-sets++", 3, 2, **{"depth": 2, "output": "elements", **choices})


def test_low_memory_gives_the_same_gradients():
    model = build("deep-sets++", 3, 2, depth=4, width=8, output="elements").double()
    batch = _batch().to(torch.float64)
    found = []
    for memory in ("normal", "low"):
        model.memory = memory
        model.zero_grad()
        model(batch).elements.square().mean().backward()
        found.append(torch.cat([gradient_of(p).flatten() for p in model.parameters()]))
    assert torch.allclose(*found, atol=1e-12)
