"""A small problem for the loop: sets whose target is a function of their mean, and a model with dropout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.data import SetStore, read
from setwise.training.heads import Regression
from setwise.training.objectives import Objective
from setwise.training.parts import Example


class MeanModel(nn.Module):
    """Linear, mean, dropout, linear; dropout makes the fit depend on the state of the random generator."""

    def __init__(self, out_features: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 7), nn.Linear(7, out_features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: SetBatch) -> Tensor:
        hidden = self.first(batch.elements)
        pooled = hidden.new_zeros(len(batch), 7).index_add(0, batch.layout.set_index, hidden)
        pooled = pooled / batch.sizes[:, None]
        return self.last(self.dropout(torch.tanh(pooled)))


@dataclass
class Part:
    """Sets in memory, as the loop wants them; the order of an epoch is drawn from the epoch's number."""

    sets: SetBatch
    encoded: Tensor
    truth: np.ndarray
    weights: Tensor | None = None
    batch_size: int = 5

    def num_batches(self, epoch: int) -> int:  # noqa: ARG002 - the protocol's
        return -(-len(self.sets) // self.batch_size)

    def epoch(self, epoch: int) -> Iterator[Example]:
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(self.sets)))
        for rows in order.split(self.batch_size):
            weights = None if self.weights is None else self.weights[rows]
            yield Example(self.sets[rows], self.encoded[rows], weights)

    def batches(self) -> Iterator[SetBatch]:
        for start in range(0, len(self.sets), self.batch_size):
            yield self.sets[start : start + self.batch_size]


def make_part(num_sets: int, *, seed: int = 0, objective: Objective, noise: bool = False) -> Part:
    draw = np.random.default_rng(seed)
    sets = [draw.normal(draw.normal(), 1.0, (size, 3)) for size in draw.integers(1, 12, num_sets)]
    means = np.array([x.mean() for x in sets]) if not noise else draw.normal(size=num_sets)
    values = means[:, None] * 10 + 50 if objective.kind == "regression" else np.where(means > 0, "b", "a")
    return Part(SetBatch.from_list(sets), objective.encode(values), objective.truth(values))


@pytest.fixture
def regression() -> Objective:
    return Objective.of(Regression(target="height", mean=50.0, std=10.0))


@pytest.fixture
def part_of() -> Callable[..., Part]:
    return make_part


@pytest.fixture
def mean_model() -> Callable[..., MeanModel]:
    def build(*, seed: int = 0, **choices: float) -> MeanModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return MeanModel(**choices)  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def digit_store() -> SetStore:
    """113 sets of 3 to 11 real handwritten digits; columns mean (a number), any_zero (a class), half (text)."""
    digits = load_digits()
    draw = np.random.default_rng(0)
    rows = [draw.choice(len(digits.target), size, replace=False) for size in draw.integers(3, 12, 113)]
    labels = [digits.target[r] for r in rows]
    table = {
        "mean": [float(x.mean()) for x in labels],
        "largest": [int(x.max()) for x in labels],
        "any_zero": ["yes" if (x == 0).any() else "no" for x in labels],
        "age": [float(x.mean()) * 10 + 40 for x in labels],
        "patient": [f"p{i % 17}" for i in range(113)],
    }
    return read([digits.data[r] for r in rows], sets=pa.table(table))
