"""Compute outputs for the elements of sets: batch after batch of sets, in their order, huge sets streamed."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from setwise._checks import InputError
from setwise.runs.computing import PLAINLY, Computing
from setwise.runs.devices import chosen_device
from setwise.runs.ensemble import average
from setwise.runs.large_sets import most_elements, outputs_of_large
from setwise.runs.outputs import outputs_of
from setwise.runs.run import Run
from setwise.store.store import SetStore
from setwise.streaming import SweepBar


def element_outputs(
    run: Run, store: SetStore, rows: np.ndarray, how: Computing = PLAINLY
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Yield some of the sets, in order, with the outputs of all their elements, on the CPU.

    Yields rows of the store and ``(n, K)``, or ``(n, M, K)`` of an ensemble of M; n elements of these sets. A set that
    is too large for a batch comes alone; its outputs are held in memory, its activations as ``memory_limit`` says.
    No elements are drawn. Arguments and errors as for `setwise.runs.outputs.outputs_for`.
    """
    most = most_elements(run, how.memory_limit)
    at_a_time = how.elements_per_batch
    if at_a_time is None:
        at_a_time = min(most, run.inputs.elements_per_batch())
    where = chosen_device(how.device)
    large = store.sizes[rows] > most
    cuts = np.flatnonzero(large[1:] | large[:-1]) + 1  # a large set is a part of its own
    try:
        run.model.to(where)
        for part in np.split(rows, cuts):
            if store.sizes[part[0]] > most:
                with SweepBar(show=how.progress) as bar:
                    outputs = outputs_of_large(run, store, int(part[0]), memory_limit=how.memory_limit, bar=bar)
                yield part, outputs
                continue
            done = 0
            for batch in run.inputs.batches(store, part, elements_per_batch=at_a_time, workers=how.workers):
                own = part[done : done + len(batch)]
                done += len(batch)
                yield own, outputs_of(run.model, [batch], device=where, dtype=run.dtype)
    finally:
        run.model.cpu()


def element_predictions(run: Run, store: SetStore, rows: np.ndarray, how: Computing = PLAINLY) -> np.ndarray:
    """Predict all elements of some sets, set after set: ``(n, P)``; those of an ensemble are means.

    Arguments as for `element_outputs`.

    Raises:
        InputError: a prediction that is not a finite number.
    """
    found = element_outputs(run, store, rows, how)
    return np.concatenate([finite(run, store, own, outputs) for own, outputs in found])


def finite(run: Run, store: SetStore, rows: np.ndarray, outputs: Tensor) -> np.ndarray:
    """Return predictions ``(n, P)`` of the outputs for the elements of some sets; refuse those that are not finite.

    Raises:
        InputError: a prediction that is not a finite number, with the set.
    """
    predicted = average(run.objective, outputs)
    bad = ~np.isfinite(predicted).all(1)
    if bad.any():
        owner = int(np.searchsorted(np.cumsum(store.sizes[rows]), int(bad.argmax()), side="right"))
        raise InputError(
            f"{int(bad.sum()):,} elements have no finite prediction, the first in set {store.set_ids[rows[owner]]!r}. "
            "The set is too far from the training sets to be computed with. Look for extreme values with "
            "`setwise inspect`."
        )
    return predicted
