"""Parts of a split as the loop takes them."""

import numpy as np
import pytest
import torch

from setwise.fit import store_parts
from setwise.fit.store_parts import StoreEvaluation
from setwise.prepare.inputs import Inputs
from setwise.readers.read import read
from setwise.targets import Number, Objective


@pytest.mark.parametrize("numbers", [0, 1 << 10])
def test_few_sets_are_read_once_and_the_same_elements_come_each_time(monkeypatch, numbers):
    rng = np.random.default_rng(0)
    store = read([rng.normal(size=(n, 2)) for n in (1, 13, 3, 7, 5)], sets={"y": np.arange(5.0)})
    read_times: list[int] = []
    batch_of = type(store).batch_with
    monkeypatch.setattr(
        type(store),
        "batch_with",
        lambda self, rows, *beside, **given: read_times.append(len(rows)) or batch_of(self, rows, *beside, **given),
    )
    monkeypatch.setattr(store_parts, "_KEPT", numbers)
    objective, rows = Objective.join(Number(target="y")), np.array([4, 1, 2])
    inputs = Inputs.fit(store, np.array([0, 3])).standardised(store, np.array([0, 3]))
    part = StoreEvaluation(store, rows, rows[:, None] * 1.0, objective=objective, inputs=inputs, max_elements=4)
    first, second = list(part.batches()), list(part.batches())
    assert [batch.sizes.tolist() for batch in first] == [[4, 4, 3]]
    assert torch.equal(first[0].elements, second[0].elements)
    assert len(read_times) == (1 if numbers else 2)
