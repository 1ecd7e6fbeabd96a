"""A layer that does not say something of itself is refused by its name, never guessed at."""

import pytest
import torch
from torch import nn

from setwise import SetBatch
from setwise._checks import InputError
from setwise.layers import Pooling, SetAttentionBlock, make_norm, make_pooling
from setwise.layers.containers import grows_with_size, pooled_without, seeded_pooling, stream_layers, ties_of
from setwise.layers.layer import Norm, SetLayer, SetPooling
from setwise.streaming.rows import Rows, Sweeper
from tests.fixtures.held import Held


class ToyLayer(SetLayer):
    """A layer that computes batches, and says no more."""

    def forward(self, batch):
        return batch


class ToyNorm(Norm):
    """A norm that computes batches, and says no more."""

    def forward(self, batch):
        return batch


class ToyPooling(SetPooling):
    """A pooling that computes batches, and says no more."""

    def forward(self, batch):
        return batch.elements[batch.layout.offsets[:-1]]


class Foreign(nn.Module):
    """A module that never heard of sets."""

    def forward(self, batch):
        return batch


TOYS = [ToyLayer, ToyNorm, ToyPooling, Foreign]


def rows():
    return Rows(Sweeper(5, 2, torch.device("cpu")), source=Held(torch.randn(5, 3)))


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("among", [False, True])
def test_streaming(toy, among):
    layer = nn.Sequential(nn.Identity(), make_norm("layer", 3), toy()) if among else toy()
    with pytest.raises(TypeError, match=f"{toy.__name__} does not"):
        stream_layers(layer, rows())


def test_a_layer_whose_elements_all_meet_says_what_to_do():
    with pytest.raises(TypeError, match=r"SetAttentionBlock does not.* use InducedSetAttentionBlock"):
        stream_layers(SetAttentionBlock(3, 4, path="non-clean"), rows())


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("among", [False, True])
def test_ties(toy, among):
    layer = nn.Sequential(nn.Identity(), make_norm("set", 3), toy()) if among else toy()
    with pytest.raises(TypeError, match=rf"what ties elements .*{toy.__name__} does not say.*ties\(\)"):
        ties_of(layer)


def test_a_norm_inside_a_block_is_asked():
    block = nn.Sequential(make_norm("set", 3), make_norm("set", 3))
    assert ties_of(block) == ("set norm",)
    block[1] = ToyNorm()
    with pytest.raises(TypeError, match="ToyNorm does not say"):
        ties_of(block)


@pytest.mark.parametrize("toy", [ToyPooling, Foreign])
@pytest.mark.parametrize("among", [False, True])
def test_leaving_one_out(toy, among):
    pooling = nn.Sequential(toy(), nn.ReLU()) if among else toy()
    with pytest.raises(TypeError, match=f"leaving one out of {toy.__name__} is not known"):
        pooled_without(pooling, torch.randn(5, 3), torch.arange(2))
    with pytest.raises(TypeError, match=rf"{toy.__name__} does not say.*grows_with_size\(\)"):
        grows_with_size(pooling)


def test_attention_of_poolings_without_seeds():
    batch = SetBatch.from_list([torch.randn(5, 3)])
    for pooling in (ToyPooling(), Pooling("mean")):
        assert seeded_pooling(pooling) is None
        with pytest.raises(TypeError, match=f"{type(pooling).__name__} has no attention"):
            pooling.attention_logits(batch)
    assert seeded_pooling(make_pooling("attention", 3)) is not None


def test_statistics_that_cross_sets():
    crossing = [
        word for word in ("none", "set", "layer", "feature", "feature-by-set") if make_norm(word, 3).crosses_sets()
    ]
    assert crossing == ["feature", "feature-by-set"]
    with pytest.raises(TypeError, match="ToyNorm does not say"):
        ToyNorm().crosses_sets()


def test_words_that_name_nothing():
    with pytest.raises(InputError, match="norm must be one of 'none', 'set'"):
        make_norm("group", 3)
    with pytest.raises(InputError, match="pool must be one of 'sum', 'mean'"):
        make_pooling("median", 3)
    with pytest.raises(InputError, match="pool must be one of"):
        Pooling("attention")
