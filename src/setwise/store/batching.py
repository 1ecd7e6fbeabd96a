"""Plan batches of sets for a loop over epochs beforehand, the same whoever reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch
from setwise.store.store import SetStore

_POOL = 32  # most batches whose sets are sorted by size together, and a quarter of all, so that chance mixes sets


@dataclass(frozen=True)
class BatchPlan:
    """A planned batch: rows of the store ``(B,)``, and the seed of what is drawn for it."""

    rows: np.ndarray
    seed: tuple[int, ...]


class BatchSampler(Sampler[BatchPlan]):
    """Sampler of planned batches of an epoch, by number of sets or of elements.

    The plan depends on ``seed`` and the epoch alone, so a run that resumes at a step continues with the same batches.

    Args:
        sizes: ``(B,)`` sizes of all sets of the store.
        rows: the sets to go through.
        batch_size: sets a batch, or
        elements_per_batch: at most so many elements a batch (a larger set is a batch of its own). Shuffled sets go into
            batches with sets of similar sizes, which share out evenly over processes.
        max_elements: elements that are drawn of larger sets, or none; counts for ``elements_per_batch``.
        shuffle: a new order of the sets in each epoch.
        chances: ``(len(rows),)`` how likely each set is drawn, adding up to one: as many sets as there are rows are
            drawn with replacement in each epoch. None goes through every set once.
        drop_last: leave out a last batch that is smaller than ``batch_size``, unless it is the only one.
        seed: of order and draws.

    Raises:
        InputError: no rows, not exactly one of the two measures, or numbers that are not above zero.
    """

    def __init__(
        self,
        sizes: np.ndarray,
        rows: Sequence[int] | np.ndarray,
        *,
        batch_size: int | None = None,
        elements_per_batch: int | None = None,
        max_elements: int | None = None,
        shuffle: bool = False,
        chances: np.ndarray | None = None,
        drop_last: bool = False,
        seed: int = 0,
    ):
        if (batch_size is None) == (elements_per_batch is None):
            raise InputError("give batch_size (sets) or elements_per_batch, and not both.")
        numbers = {"batch_size": batch_size, "elements_per_batch": elements_per_batch, "max_elements": max_elements}
        check_positive(**{name: value for name, value in numbers.items() if value is not None})
        self.rows = np.asarray(rows, np.int64)
        if self.rows.size == 0:
            raise InputError("there must be at least one set to go through; got none.")
        self.kept = np.asarray(sizes) if max_elements is None else np.minimum(sizes, max_elements)
        self.batch_size = batch_size
        self.elements_per_batch = elements_per_batch
        self.shuffle = shuffle
        self.chances = chances
        self.drop_last = drop_last
        self.seed = seed
        self.epoch = 0
        self.start = 0

    def set_epoch(self, epoch: int, *, start: int = 0) -> None:
        """Choose the epoch, and the step in it to begin with."""
        self.epoch = epoch
        self.start = start

    def plan(self, epoch: int) -> list[BatchPlan]:
        """Plan all batches of an epoch, in their order."""
        rows = self.rows
        rng = np.random.default_rng((self.seed, epoch))
        if self.chances is not None:
            rows = rng.choice(rows, len(rows), p=self.chances)
        elif self.shuffle:
            rows = rng.permutation(rows)
        if self.batch_size is not None:
            batches = np.split(rows, np.arange(self.batch_size, len(rows), self.batch_size))
        elif self.shuffle or self.chances is not None:
            batches = self._buckets(rows, rng)
        else:
            batches = np.split(rows, self._cuts(self.kept[rows]))
        if self.drop_last and self.batch_size and len(batches) > 1 and len(batches[-1]) < self.batch_size:
            batches.pop()
        return [BatchPlan(batch, (self.seed, epoch, step)) for step, batch in enumerate(batches)]

    def _buckets(self, rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """Make batches of sets of similar sizes, in a random order; a shuffle decides which are sorted together."""
        assert self.elements_per_batch is not None
        per_batch = max(1, round(self.elements_per_batch / self.kept[rows].mean()))  # sets, on the average
        together = per_batch * min(_POOL, max(1, len(rows) // (4 * per_batch)))
        batches = []
        for pool in np.split(rows, np.arange(together, len(rows), together)):
            by_size = pool[np.argsort(self.kept[pool], kind="stable")]
            batches += np.split(by_size, self._cuts(self.kept[by_size]))
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cuts(self, sizes: np.ndarray) -> list[int]:
        cuts, filled = [], 0
        assert self.elements_per_batch is not None
        for position, size in enumerate(sizes.tolist()):
            if filled and filled + size > self.elements_per_batch:
                cuts.append(position)
                filled = 0
            filled += size
        return cuts

    def __iter__(self) -> Iterator[BatchPlan]:
        return iter(self.plan(self.epoch)[self.start :])

    def __len__(self) -> int:
        return len(self.plan(self.epoch)) - self.start


class SetDataset(Dataset[tuple[SetBatch, np.ndarray]]):
    """Planned batches from a store, with the rows they hold; safe in the workers of a `DataLoader`.

    Args:
        store: the sets.
        covariates: ``(B, C)`` float32 for all sets of the store, or none.
        max_elements: elements drawn without replacement of larger sets, fresh for each batch, or none.
    """

    def __init__(self, store: SetStore, *, covariates: np.ndarray | None = None, max_elements: int | None = None):
        if covariates is not None and (covariates.ndim != 2 or len(covariates) != len(store)):
            raise InputError(
                f"covariates must have one row for each of the {len(store)} sets; got shape {covariates.shape}."
            )
        self.store = store
        self.covariates = covariates
        self.max_elements = max_elements

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, plan: BatchPlan) -> tuple[SetBatch, np.ndarray]:
        return self.drawn(plan)[0], plan.rows

    def expect(self, plan: BatchPlan) -> None:
        """Have the elements of a batch that will be asked for soon read from the disk meanwhile."""
        self.store.expect(plan.rows, max_elements=self.max_elements)

    def drawn(self, plan: BatchPlan, beside: torch.Tensor | None = None) -> tuple[SetBatch, torch.Tensor | None]:
        """Return a planned batch, and what goes with its elements of ``beside`` ``(N, ...)``, where it is given."""
        generator = None if self.max_elements is None else np.random.default_rng(plan.seed)
        batch, beside = self.store.batch_with(plan.rows, beside, max_elements=self.max_elements, generator=generator)
        if self.covariates is not None:
            covariates = torch.from_numpy(np.ascontiguousarray(self.covariates[plan.rows]))
            batch = SetBatch(batch.elements, batch.layout, covariates)
        return batch, beside


class _Expecting(Sampler[BatchPlan]):
    """The plans of a sampler; the store is told of each of them while the one before is computed."""

    def __init__(self, dataset: SetDataset, sampler: BatchSampler):
        self.dataset = dataset
        self.sampler = sampler

    def __iter__(self) -> Iterator[BatchPlan]:
        plans = iter(self.sampler)
        plan = next(plans, None)
        while plan is not None:
            upcoming = next(plans, None)
            if upcoming is not None:
                self.dataset.expect(upcoming)
            yield plan
            plan = upcoming

    def __len__(self) -> int:
        return len(self.sampler)


def make_loader(
    dataset: SetDataset, sampler: BatchSampler, *, workers: int = 0, pin_memory: bool = False
) -> DataLoader:
    """Make a loader of ``(SetBatch, rows)`` in the order of the sampler; it leaves torch's random numbers alone.

    Args:
        dataset: where the batches come from.
        sampler: which batches, in which order.
        workers: processes that prepare batches; 0 for none.
        pin_memory: prepare batches in page-locked memory.
    """
    return DataLoader(
        dataset,
        sampler=_Expecting(dataset, sampler),
        batch_size=None,
        collate_fn=_as_is,
        num_workers=workers,
        pin_memory=pin_memory,
        generator=torch.Generator(),
    )


def _as_is(item: Any) -> Any:
    return item
