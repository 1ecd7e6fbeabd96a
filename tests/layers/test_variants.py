"""Every variant is found where its line says, and the command line lists all of them by itself."""

import re

import pytest
from torch import nn

from setwise import variants
from setwise.cli import main
from setwise.layers import make_norm, make_pooling
from setwise.layers.layer import Norm


@pytest.mark.parametrize("word", variants.NORMS)
def test_norms(word):
    assert isinstance(make_norm(word, 8), Norm)


@pytest.mark.parametrize("word", variants.POOLS)
def test_poolings(word):
    assert isinstance(make_pooling(word, 8), nn.Module)


@pytest.mark.parametrize("command", ["fit", "tune"])
def test_help_lists_them(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    for option, words in (("norm", variants.NORMS), ("pool", variants.POOLS)):
        (line,) = re.findall(rf"--{option} .*", text)
        assert set(words) <= set(re.split(r"[\s|,.]+", line)), line
