"""Every variant is found where its line says, and the command line lists all of them by itself."""

import pytest
from torch import nn

from setwise import variants
from setwise.cli import fit_options
from setwise.layers import make_norm, make_pooling
from setwise.layers.layer import Norm


@pytest.mark.parametrize("word", variants.NORMS)
def test_norms(word):
    assert isinstance(make_norm(word, 8), Norm)
    assert word in _help(fit_options.Norm)


@pytest.mark.parametrize("word", variants.POOLS)
def test_poolings(word):
    assert isinstance(make_pooling(word, 8), nn.Module)
    assert word in _help(fit_options.Pool)


def _help(option):
    return option.__metadata__[0].help.rstrip(".").split(", ")
