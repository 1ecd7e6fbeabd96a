"""Train somebody else's module on a fold as its papers do: Adam, a number of epochs, the last weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from accuracy.entrant import Exercise, Predicted
from setwise.batch import SetBatch
from setwise.prepare.inputs import Inputs
from setwise.targets.objectives import Objective

LossOf = Callable[[nn.Module, SetBatch, Tensor, Objective], Tensor]


@dataclass(frozen=True)
class Recipe:
    """Numbers of a training, the same for all data.

    Attributes:
        rate: learning rate of Adam.
        epochs: passes over the training sets.
        batch: sets in a step.
        most: elements that are drawn of larger sets, anew in each epoch; of sets to predict once.
        decay: weight decay, added to the gradient.
    """

    rate: float = 1e-3
    epochs: int = 100
    batch: int = 16
    most: int = 1000
    decay: float = 1e-4

    @property
    def words(self) -> str:
        """Return them in words, for the page."""
        return f"Adam, rate {self.rate:g}, {self.epochs} epochs, {self.batch} sets a step, up to {self.most} elements"


def of_objective(module: nn.Module, batch: SetBatch, encoded: Tensor, objective: Objective) -> Tensor:
    """Return the loss that setwise's own networks have."""
    return objective.loss(module(batch), encoded)


def trained(
    exercise: Exercise,
    make: Callable[[int, Objective], nn.Module],
    recipe: Recipe,
    *,
    loss_of: LossOf = of_objective,
) -> Predicted:
    """Train a module on the training sets of a fold, standardised by them, and predict the test sets.

    Args:
        exercise: the fold.
        make: the function ``(features of an element, objective) -> module`` from a batch to outputs ``(B, K)``.
        recipe: of the training.
        loss_of: loss of a module on a batch with encoded targets ``(B, T)``.
    """
    problem, store = exercise.problem, exercise.store
    objective, train, test = problem.objective, problem.split.train, problem.split.test
    inputs = Inputs.fit(store, train).standardised(store, train)
    encoded = objective.encode(problem.values[train]).float()
    generator = np.random.default_rng(exercise.seed)

    def batch_of(rows: Sequence[int] | np.ndarray) -> SetBatch:
        return inputs.prepare(store.batch(rows, max_elements=recipe.most, generator=generator), inputs.order(store))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(exercise.seed % 2**63)
        module = make(int(np.prod(store.shape)), objective).train()
        optimiser = torch.optim.Adam(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
        for _ in range(recipe.epochs):
            for chosen in _steps(len(train), recipe.batch, generator):
                optimiser.zero_grad()
                loss_of(module, batch_of(train[chosen]), encoded[chosen], objective).backward()
                optimiser.step()
        module.eval()
        with torch.no_grad():
            outputs = [
                module(batch_of(test[start : start + recipe.batch])) for start in range(0, len(test), recipe.batch)
            ]
    return Predicted(objective, problem.truth(test), objective.predict(torch.cat(outputs)))


def _steps(count: int, size: int, generator: np.random.Generator) -> list[np.ndarray]:
    order = generator.permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]
