"""Parts of a split whose elements have labels, as the loop takes them: labels are drawn with their elements."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from setwise.batch import SetBatch
from setwise.fit.parts import Example
from setwise.fit.store_parts import training_sampler
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.store.batching import BatchPlan, SetDataset, make_loader
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective


class LabelledSets(Dataset[tuple[SetBatch, np.ndarray, Tensor]]):
    """Planned batches with their rows and what goes with the same elements.

    Args:
        sets: the batches.
        beside: ``(N, ...)`` of all elements of the store.
    """

    def __init__(self, sets: SetDataset, beside: Tensor) -> None:
        self.sets, self.beside = sets, beside

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, plan: BatchPlan) -> tuple[SetBatch, np.ndarray, Tensor]:
        batch, beside = self.sets.drawn(plan, self.beside)
        assert beside is not None
        return batch, plan.rows, beside

    def expect(self, plan: BatchPlan) -> None:
        """Read the batch ahead, as the sets alone do."""
        self.sets.expect(plan)


class ElementTraining:
    """Training sets with labels of their elements: shuffled and sub-sampled afresh in each epoch, labels alike.

    Args:
        store: all sets.
        rows: the training sets.
        encoded: ``(N, T)`` labels of all elements of the store, as the loss wants them.
        inputs: how sets become what the model takes.
        config: batches, sub-samples, seed, workers.
        weights: ``(B,)`` of all sets of the store in the loss, which every element of a set has; or none.
    """

    def __init__(
        self,
        store: SetStore,
        rows: np.ndarray,
        encoded: Tensor,
        inputs: Inputs,
        config: FitConfig,
        *,
        weights: np.ndarray | None = None,
    ) -> None:
        self._inputs, self._order = inputs, inputs.order(store)
        self._weights = None if weights is None else torch.from_numpy(weights)
        self._sampler = training_sampler(store, rows, config)
        dataset: Any = LabelledSets(inputs.dataset(store, config.max_elements), encoded)
        self._loader = make_loader(dataset, self._sampler, workers=config.workers)

    def num_batches(self, epoch: int) -> int:
        """Return the number of batches in an epoch, counted from 0."""
        return len(self._sampler.plan(epoch))

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch, with a row of targets per element."""
        self._sampler.set_epoch(epoch)
        for batch, rows, encoded in self._loader:
            weights = None if self._weights is None else self._weights[rows].repeat_interleave(batch.sizes)
            yield Example(self._inputs.prepare(batch, self._order), encoded, weights)


class ElementEvaluation:
    """Sets to measure a model on by the labels of their elements, each time the same elements.

    Args:
        store: all sets.
        rows: the sets of the part.
        truth: ``(N, T)`` labels of all elements of the store.
        objective: what is predicted.
        inputs: how sets become what the model takes.
        weights: ``(B,)`` of all sets of the store in the loss, or none.
        max_elements: elements drawn of larger sets, or none for whole sets.
        seed: of the draw.

    Attributes:
        truth: what predictions are compared with, of the elements of the part.
        encoded: the same as the loss wants them.
        weights: of these elements in the loss, or none.
        sizes: elements of each set of the part, as they are drawn.
    """

    def __init__(
        self,
        store: SetStore,
        rows: np.ndarray,
        truth: np.ndarray,
        *,
        objective: Objective,
        inputs: Inputs,
        weights: np.ndarray | None = None,
        max_elements: int | None = None,
        seed: int = 0,
    ) -> None:
        self._store, self._rows, self._inputs = store, rows, inputs
        self._max_elements, self._seed = max_elements, seed
        sizes = store.sizes[rows]
        self.sizes = sizes if max_elements is None else np.minimum(sizes, max_elements)
        self.truth = truth[self._positions()]
        self.encoded = objective.scaled(self.truth)
        self.weights = None if weights is None else torch.from_numpy(np.repeat(weights[rows], self.sizes))

    def batches(self) -> Iterator[SetBatch]:
        """Yield the sets, in order."""
        return self._inputs.batches(self._store, self._rows, max_elements=self._max_elements, seed=self._seed)

    def _positions(self) -> np.ndarray:
        """Return the places in the store of the elements that `batches` draws."""
        if (self.sizes == self._store.sizes[self._rows]).all():
            return self._store.positions(self._rows)
        dataset: Any = LabelledSets(
            self._inputs.dataset(self._store, self._max_elements), torch.arange(self._store.num_elements)
        )
        sampler = self._inputs.sampler(self._store, self._rows, max_elements=self._max_elements, seed=self._seed)
        return torch.cat([found for _, _, found in make_loader(dataset, sampler)]).numpy()
