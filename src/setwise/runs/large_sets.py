"""Find sets too large for a batch, and compute a model's outputs for one, streamed from the store."""

import math

import numpy as np
import torch
from torch import Tensor

from setwise._checks import check_finite
from setwise.batch import SetBatch, SetLayout
from setwise.models import Model, spec_from_dict
from setwise.models.stream import count_sweeps, stream
from setwise.runs.run import Run
from setwise.store.store import SetStore
from setwise.streaming import SweepBar

_BUDGET = 1 << 31  # bytes of memory for a batch where no limit is given
_TENSORS = 4  # of activations that a layer holds at once


def most_elements(run: Run, memory_limit: int | None = None) -> int:
    """Return the most elements that one batch may have; larger sets are streamed.

    Args:
        run: a fitted model.
        memory_limit: bytes; 2 GiB where there is none.
    """
    spec = spec_from_dict(run.record.spec)
    numbers = spec.numbers_of_element(math.prod(run.inputs.shape))
    budget = _BUDGET if memory_limit is None else memory_limit
    return max(1, budget // (_TENSORS * numbers * run.dtype.itemsize))


def outputs_of_large(
    run: Run,
    store: SetStore,
    row: int,
    *,
    max_elements: int | None = None,
    seed: int = 0,
    memory_limit: int | None = None,
    bar: SweepBar | None = None,
) -> Tensor:
    """Compute outputs of a run's model for one set of a store: ``(1, K)``, or ``(1, M, K)`` of an ensemble.

    Of a model with outputs per element, a row for each element of the set.

    They are on the CPU.

    Args:
        run: a fitted model.
        store: the sets.
        row: which of them.
        max_elements: elements drawn of the set, or none for all.
        seed: of the draw.
        memory_limit: bytes of activations in memory; more go to a scratch file.
        bar: shows how far it is.
    """
    source = _StoredSet(run, store, row, max_elements, seed)
    covariates = run.inputs.dataset(store).covariates
    own = None if covariates is None else torch.from_numpy(covariates[[row]]).to(run.dtype)
    outputs = []
    for member, model in enumerate(run.members):
        assert isinstance(model, Model)
        advance = None
        if bar is not None:
            which = f", member {member + 1} of {len(run.members)}" if len(run.members) > 1 else ""
            bar.begin(f"set {store.set_ids[row]}{which}", count_sweeps(model, source, own) * len(source))
            advance = bar.advance
        outputs.append(stream(model, source, own, memory_limit=memory_limit, on_rows=advance).cpu())
    return torch.stack(outputs, dim=1) if len(outputs) > 1 else outputs[0]


class _StoredSet:
    """The elements of one set as the model takes them, read and prepared chunk by chunk."""

    def __init__(self, run: Run, store: SetStore, row: int, max_elements: int | None, seed: int):
        self._elements = store.elements(row)
        if max_elements is not None and max_elements < len(self._elements):
            drawn = np.random.default_rng((seed, row)).choice(len(self._elements), max_elements, replace=False)
            self._elements = self._elements[np.sort(drawn)]
        if not store.description.checked:
            copy = torch.from_numpy(np.array(self._elements))
            check_finite(copy, torch.tensor([len(copy)]), [store.set_ids[row]])
        self._inputs, self._order, self._dtype = run.inputs, run.inputs.order(store), run.dtype

    def __len__(self) -> int:
        return len(self._elements)

    def read(self, start: int, stop: int) -> Tensor:
        rows = torch.from_numpy(np.array(self._elements[start:stop]))  # a copy: the store's pages are not to be written
        batch = self._inputs.prepare(SetBatch(rows, SetLayout.uniform(1, len(rows))), self._order)
        return batch.elements.to(self._dtype) if batch.elements.is_floating_point() else batch.elements
