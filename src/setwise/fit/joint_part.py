"""Batches of the training sets of several members, side by side, for members that are fitted together."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from setwise.batch import SetBatch, SetLayout
from setwise.fit.parts import Example
from setwise.fit.store_parts import training_sampler
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.store.store import SetStore, positions

_KEPT = 1 << 24  # numbers in the elements of all training sets, 64 MiB in float32; they are kept in memory
_SMALL = 1 << 16  # numbers in a layer's activations for the batch of a member; of more, compiled loops are faster


class JointTraining:
    """The training sets of several members, whole and in memory; each member goes through its own in its own order.

    In a batch each member has as many sets and elements: sets of zeros, without a weight in the loss, make up for what
    is missing. The loss is the sum of the members' mean losses.

    Args:
        store: all sets.
        rows: the training sets of each member.
        encoded: targets ``(B, T)`` of all sets of the store.
        weights: ``(B,)`` of all sets of the store in the loss, or none.
        inputs: how sets become what the model takes.
        configs: of each member; their batch sizes give all as many batches (`batch_sizes`).
    """

    def __init__(
        self,
        store: SetStore,
        rows: Sequence[np.ndarray],
        encoded: Tensor,
        weights: np.ndarray | None,
        inputs: Inputs,
        configs: Sequence[FitConfig],
    ) -> None:
        every = np.unique(np.concatenate(rows))
        batches = list(inputs.batches(store, every))
        kept = torch.cat([batch.elements for batch in batches])
        self._elements = torch.cat([kept, kept.new_zeros(1, *kept.shape[1:])])  # the last is that of a set of zeros
        of_sets = [batch.covariates for batch in batches if batch.covariates is not None]
        self._covariates = torch.cat([*of_sets, of_sets[0].new_zeros(1, of_sets[0].shape[1])]) if of_sets else None
        self._encoded = torch.cat([encoded[every], encoded.new_full((1, encoded.shape[1]), torch.nan)])
        counted = np.ones(len(store)) if weights is None else weights
        self._weights = np.append(counted[every], 0.0)
        self._sizes = store.sizes[every].astype(np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._place = np.full(len(store), -1)
        self._place[every] = np.arange(len(every))
        self._samplers = [training_sampler(store, own, config) for own, config in zip(rows, configs, strict=True)]

    def num_batches(self, epoch: int) -> int:
        """Return the number of batches in an epoch, counted from 0."""
        return len(self._samplers[0].plan(epoch))

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch."""
        for plans in zip(*(sampler.plan(epoch) for sampler in self._samplers), strict=True):
            yield self._joined([self._place[plan.rows] for plan in plans])

    def _joined(self, of_members: Sequence[np.ndarray]) -> Example:
        """Return the batches of all members as one, filled up with sets of zeros."""
        most = max(map(len, of_members)) + 1
        fills = [most - len(own) for own in of_members]
        totals = [int(self._sizes[own].sum()) for own in of_members]
        numbers = max(total + fill for total, fill in zip(totals, fills, strict=True))
        nothing = len(self._sizes)
        elements, sets, sizes, shares = [], [], [], []
        for own, fill, total in zip(of_members, fills, totals, strict=True):
            missing = numbers - total
            elements += [positions(self._starts[own], self._sizes[own]), np.full(missing, len(self._elements) - 1)]
            sets += [own, np.full(fill, nothing)]
            sizes += [self._sizes[own], np.append(np.ones(fill - 1, np.int64), missing - fill + 1)]
            shares += [np.full(most, 1 / len(own))]
        places = np.concatenate(sets)
        at = torch.from_numpy(places)
        batch = SetBatch(
            self._elements[torch.from_numpy(np.concatenate(elements))],
            SetLayout.from_sizes(torch.from_numpy(np.concatenate(sizes))),
            None if self._covariates is None else self._covariates[at],
        )
        weights = self._weights[places] * np.concatenate(shares) * len(places)
        return Example(batch, self._encoded[at], torch.from_numpy(weights))


def are_small(store: SetStore, rows: np.ndarray, inputs: Inputs, config: FitConfig, hidden: int) -> bool:
    """Return whether training sets are whole, few enough to be kept in memory, and their batches small.

    Args:
        store: all sets.
        rows: the training sets.
        inputs: how sets become what the models take.
        config: its batch size, and the most elements that are drawn of a set.
        hidden: numbers of an element between two layers.
    """
    sizes = store.sizes[rows]
    numbers = int(sizes.sum()) * int(np.prod(inputs.shape or (1,)))
    are_whole = config.max_elements is None or int(sizes.max()) <= config.max_elements
    return are_whole and numbers <= _KEPT and float(sizes.mean()) * config.batch_size * hidden <= _SMALL


def batch_sizes(counts: Sequence[int], size: int) -> list[int]:
    """Return sets in a batch for each member, near a size, such that all members have as many batches.

    Example:
        >>> batch_sizes([58, 59, 40], 7)
        [8, 8, 5]
    """
    for batches in range(max(1, round(max(counts) / size)), 0, -1):
        sizes = [-(-count // batches) for count in counts]
        if all(-(-count // own) == batches for count, own in zip(counts, sizes, strict=True)):
            return sizes
    raise AssertionError("one batch for each member always does")
