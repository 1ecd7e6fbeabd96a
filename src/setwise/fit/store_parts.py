"""Parts of a split of a store, as the loop and the evaluation take them."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from setwise.batch import SetBatch
from setwise.fit.parts import Example
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.store.batching import BatchSampler, make_loader
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective

_KEPT = 1 << 24  # numbers of an evaluation part that is read once and kept, 64 MiB in float32


class StoreTraining:
    """Training sets: shuffled and sub-sampled afresh in each epoch, by the seed and the epoch alone.

    Args:
        store: all sets.
        rows: the training sets.
        encoded: targets of the training sets, in the order of ``rows``.
        inputs: how sets become what the model takes.
        config: batches, sub-samples, seed, workers.
        weights: of the training sets in the loss, or none.
        classes: numbers of their classes, NaN where missing, to draw all classes alike with replacement; or none to go
            through all sets.
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
        classes: np.ndarray | None = None,
    ) -> None:
        self._encoded, self._inputs, self._order = encoded, inputs, inputs.order(store)
        self._weights = None if weights is None else torch.from_numpy(weights)
        self._position = np.zeros(len(store), np.int64)  # of a row of the store among the training sets
        self._position[rows] = np.arange(len(rows))
        self._sampler = training_sampler(store, rows, config, None if classes is None else _chances(classes))
        dataset = inputs.dataset(store, config.max_elements)
        self._loader = make_loader(dataset, self._sampler, workers=config.workers)

    def num_batches(self, epoch: int) -> int:
        """Return the number of batches in an epoch, counted from 0."""
        return len(self._sampler.plan(epoch))

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch."""
        self._sampler.set_epoch(epoch)
        for batch, rows in self._loader:
            at = self._position[rows]
            weights = None if self._weights is None else self._weights[at]
            yield Example(self._inputs.prepare(batch, self._order), self._encoded[at], weights)

    def drawn(self) -> tuple[np.ndarray, Tensor, Tensor | None]:
        """Return rows of the store that the first epoch goes through, with their targets and weights."""
        rows = np.sort(np.concatenate([plan.rows for plan in self._sampler.plan(0)]))
        at = self._position[rows]
        return rows, self._encoded[at], None if self._weights is None else self._weights[at]


class StoreEvaluation:
    """Sets to measure a model on, in the order of their rows, each time the same elements; few are read once and kept.

    Args:
        store: all sets.
        rows: the sets of the part.
        values: their targets.
        objective: what is predicted.
        inputs: how sets become what the model takes.
        weights: of these sets in the loss, or none.
        max_elements: elements drawn of larger sets, or none for whole sets.
        seed: of the draw.

    Attributes:
        truth: what predictions are compared with.
        encoded: targets as the loss wants them.
        weights: of the sets in the loss, or none.
    """

    def __init__(
        self,
        store: SetStore,
        rows: np.ndarray,
        values: np.ndarray,
        *,
        objective: Objective,
        inputs: Inputs,
        weights: np.ndarray | None = None,
        max_elements: int | None = None,
        seed: int = 0,
    ) -> None:
        self.truth, self.encoded = objective.truth(values), objective.encode(values)
        self.weights = None if weights is None else torch.from_numpy(weights)
        self._store, self._rows, self._inputs = store, rows, inputs
        self._max_elements, self._seed = max_elements, seed
        sizes = store.sizes[rows] if max_elements is None else np.minimum(store.sizes[rows], max_elements)
        self._is_small = int(sizes.sum()) * math.prod(store.shape) <= _KEPT
        self._kept: tuple[SetBatch, ...] | None = None

    def batches(self) -> Iterable[SetBatch]:
        """Return the sets, in order."""
        if self._kept is not None:
            return self._kept
        batches = self._inputs.batches(self._store, self._rows, max_elements=self._max_elements, seed=self._seed)
        if not self._is_small:
            return batches
        self._kept = tuple(batches)
        return self._kept


def training_sampler(
    store: SetStore, rows: np.ndarray, config: FitConfig, chances: np.ndarray | None = None
) -> BatchSampler:
    """Return the sampler of an epoch through training sets, shuffled; ``chances`` as for `BatchSampler`."""
    return BatchSampler(
        store.sizes,
        rows,
        batch_size=config.batch_size if config.elements_per_batch is None else None,
        elements_per_batch=config.elements_per_batch,
        max_elements=config.max_elements,
        shuffle=True,
        chances=chances,
        seed=config.seed,
    )


def _chances(classes: np.ndarray) -> np.ndarray:
    """Compute chances of the sets, such that all classes (and the sets without one, as they are) come alike."""
    known = ~np.isnan(classes)
    number = classes[known].astype(np.int64)
    counts = np.bincount(number)
    chances = np.full(len(classes), 1.0 / len(classes))
    chances[known] = known.mean() / (np.count_nonzero(counts) * counts[number])
    return chances
