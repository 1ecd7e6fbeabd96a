"""What a model says about sets, without gradients."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.data.store import SetStore
from setwise.training.run import Run


def outputs_of(
    model: nn.Module, batches: Iterable[SetBatch], *, device: torch.device, dtype: torch.dtype | None = None
) -> Tensor:
    """Outputs ``(B, K)`` of a model in evaluation mode for the sets of all batches, on the CPU.

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
            return torch.cat([model(batch).cpu() for batch in moved])
    finally:
        model.train(training)


def predictions_of(
    run: Run,
    store: SetStore,
    rows: np.ndarray,
    *,
    device: str = "auto",
    elements_per_batch: int | None = None,
    max_elements: int | None = None,
    seed: int = 0,
    workers: int = 0,
) -> np.ndarray:
    """Predictions for some sets: ``(B, T)`` in the targets' units, or ``(B, K)`` probabilities.

    Args:
        run: a fitted model; it is back on the CPU afterwards.
        store: the sets.
        rows: which of them.
        device: where to compute: ``"auto"`` (a CUDA device where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` ...
        elements_per_batch: most elements at a time (one set at least); by default what fits most memories.
        max_elements: elements drawn of larger sets, or none for whole sets.
        seed: of the draw.
        workers: processes that prepare batches.
    """
    batches = run.inputs.batches(
        store,
        rows,
        elements_per_batch=elements_per_batch,
        max_elements=max_elements,
        seed=seed,
        workers=workers,
    )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        run.model.to(device)
        outputs = outputs_of(run.model, batches, device=torch.device(device), dtype=run.dtype)
    finally:
        run.model.cpu()
    return run.objective.predict(outputs)
