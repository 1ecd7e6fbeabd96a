"""Compute outputs and predictions for sets, without gradients."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch, rows_of
from setwise.runs.computing import PLAINLY, Computing
from setwise.runs.devices import chosen_device
from setwise.runs.ensemble import average
from setwise.runs.large_sets import most_elements, outputs_of_large
from setwise.runs.run import Run
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.streaming import SweepBar


def outputs_of(
    model: nn.Module, batches: Iterable[SetBatch], *, device: torch.device, dtype: torch.dtype | None = None
) -> Tensor:
    """Compute outputs of a model in evaluation mode for the sets of all batches, on the CPU.

    They are ``(B, K)``, or ``(B, M, K)`` of an ensemble; with a row per element where the model gives one per element.

    Args:
        model: on ``device``; its mode is restored.
        batches: of sets, any number.
        device: where to compute.
        dtype: what to turn floating elements into, or none to leave them (Fabric turns them itself).
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            moved = (batch.to(device) if dtype is None else batch.to(device, dtype) for batch in batches)
            return torch.cat([rows_of(model(batch)).cpu() for batch in moved])
    finally:
        model.train(training)


def predictions_of(run: Run, store: SetStore, rows: np.ndarray, how: Computing = PLAINLY) -> np.ndarray:
    """Predict some sets: ``(B, P)``, numbers in the targets' units and probabilities of classes.

    Those of an ensemble are the means of its members'. Arguments and errors as for `outputs_for`, and

    Raises:
        InputError: a prediction that is not a finite number, since a set's values are too large to be computed with.
    """
    return finite_predictions(run, store, rows, outputs_for(run, store, rows, how))


def finite_predictions(run: Run, store: SetStore, rows: np.ndarray, outputs: Tensor) -> np.ndarray:
    """Return predictions of outputs for some sets; refuse those that are not finite.

    Raises:
        InputError: a prediction that is not a finite number, with the names of the sets.
    """
    predicted = average(run.objective, outputs)
    bad = np.flatnonzero(~np.isfinite(predicted).all(1))
    if bad.size:
        names = listed([repr(store.set_ids[row]) for row in rows[bad]], 5)
        raise InputError(
            f"{bad.size} of {len(rows)} sets have no finite prediction: "
            f"{names}. Their elements or covariates are too far from "
            "those of the training sets to be computed with. Look for extreme values with `setwise inspect`."
        )
    return predicted


def outputs_for(run: Run, store: SetStore, rows: np.ndarray, how: Computing = PLAINLY) -> Tensor:
    """Compute outputs of a run's model for some sets, on the CPU: ``(B, K)``, or ``(B, M, K)`` of an ensemble of M.

    Sets that are too large for a batch are streamed, a chunk of elements at a time, with the same result.

    Args:
        run: a fitted model; it is back on the CPU afterwards.
        store: the sets.
        rows: which of them.
        how: device, batches, memory.

    Raises:
        InputError: a device that is not there.
    """
    most = most_elements(run, how.memory_limit)
    sizes = store.sizes[rows] if how.max_elements is None else np.minimum(store.sizes[rows], how.max_elements)
    large = sizes > most
    elements_per_batch = how.elements_per_batch
    if elements_per_batch is None and how.memory_limit is not None:
        elements_per_batch = min(most, run.inputs.elements_per_batch())
    draw = {"max_elements": how.max_elements, "seed": how.seed}
    where = chosen_device(how.device)
    outputs: Tensor | None = None
    try:
        run.model.to(where)
        if not large.all():
            batches = run.inputs.batches(
                store, rows[~large], elements_per_batch=elements_per_batch, workers=how.workers, **draw
            )
            few = outputs_of(run.model, batches, device=where, dtype=run.dtype)
            outputs = _place(outputs, few, ~large)
        if large.any():
            with SweepBar(show=how.progress) as bar:
                many = [
                    outputs_of_large(run, store, int(row), memory_limit=how.memory_limit, bar=bar, **draw)
                    for row in rows[large]
                ]
            outputs = _place(outputs, torch.cat(many), large)
    finally:
        run.model.cpu()
    assert outputs is not None, "there are no sets"
    return outputs


def _place(outputs: Tensor | None, found: Tensor, where: np.ndarray) -> Tensor:
    """Put outputs that were found in their places among the outputs of all sets."""
    outputs = found.new_empty(len(where), *found.shape[1:]) if outputs is None else outputs
    outputs[torch.from_numpy(where)] = found
    return outputs
