"""Activations kept for gradients follow from the memory at hand, where nobody chose."""

import numpy as np
import pytest

from setwise.fit import memory
from setwise.fit.memory import largest_batch, memory_for
from setwise.models import DeepSetsSpec, SetTransformerSpec
from setwise.runs.config import FitConfig

SIZES = np.array([5, 1000, 7, 300])


@pytest.mark.parametrize(
    ("choices", "most"),
    [
        ({"batch_size": 2}, 1300),
        ({"batch_size": 2, "max_elements": 100}, 200),
        ({"batch_size": 9}, 1312),
        ({"elements_per_batch": 400}, 1000),
        ({"elements_per_batch": 1100}, 1100),
        ({"elements_per_batch": 5000}, 1312),
    ],
)
def test_the_largest_batch_by_hand(choices, most):
    assert largest_batch(FitConfig(**choices), SIZES) == most


@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        (DeepSetsSpec(in_features=2, out_features=1, depth=10, width=16), 4 * 10),
        (SetTransformerSpec(in_features=2, out_features=1, depth=2, width=16), 12 * 2),
    ],
)
def test_low_where_the_largest_batch_does_not_fit(spec, layers, monkeypatch):
    config, needed = FitConfig(batch_size=2, device="cpu"), 1300 * 16 * 4 * layers
    monkeypatch.setattr(memory, "free_memory", lambda: needed)
    assert memory_for(config, spec, SIZES) == (config.model_copy(update={"memory": "normal"}), ())
    monkeypatch.setattr(memory, "free_memory", lambda: needed - 1)
    settled, (note,) = memory_for(config, spec, SIZES)
    assert settled.memory == "low"
    assert "the largest batch, of 1,300 elements" in note
    monkeypatch.setattr(memory, "free_memory", lambda: None)  # a system that does not tell
    assert memory_for(config, spec, SIZES)[0].memory == "normal"


@pytest.mark.parametrize("chosen", ["normal", "low"])
def test_what_was_chosen_stays(chosen, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1)
    config = FitConfig(memory=chosen, device="cpu")
    assert memory_for(config, DeepSetsSpec(in_features=2, out_features=1), SIZES) == (config, ())
