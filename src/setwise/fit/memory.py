"""Decide whether activations are kept for the gradients or recomputed, where nobody chose."""

import numpy as np
import torch

from setwise.models import Spec
from setwise.models.families import family_of
from setwise.runs.config import FitConfig
from setwise.streaming.free import free_memory


def memory_for(config: FitConfig, spec: Spec, sizes: np.ndarray) -> tuple[FitConfig, tuple[str, ...]]:
    """Return the configuration with ``memory`` decided, and what is to be said of it.

    Args:
        config: ``memory="auto"`` is decided here: "low" where the largest batch would keep more activations than memory
            has room for; "normal" of a family that is not fitted by gradients.
        spec: of the model.
        sizes: of the training sets.
    """
    if config.memory != "auto":
        return config, ()
    if family_of(spec).fitter is not None:
        return config.model_copy(update={"memory": "normal"}), ()
    elements = largest_batch(config, sizes)
    needed = elements * spec.kept * (8 if config.precision == "64-true" else 4)
    free = _free(config.device)
    if free is None or needed <= free:
        return config.model_copy(update={"memory": "normal"}), ()
    note = (
        f"Activations were computed anew for the gradients (--memory low), which are the same: the largest batch, of "
        f"{elements:,} elements, might have kept {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB were free."
    )
    return config.model_copy(update={"memory": "low"}), (note,)


def largest_batch(config: FitConfig, sizes: np.ndarray) -> int:
    """Return the most elements of a batch, those of the largest sets together."""
    kept = np.sort(sizes if config.max_elements is None else np.minimum(sizes, config.max_elements))
    if config.elements_per_batch is not None:
        return int(max(kept[-1], min(config.elements_per_batch, kept.sum())))
    return int(kept[-config.batch_size :].sum())


def _free(device: str) -> int | None:
    """Return the bytes for activations where the fit will be, or none where the system does not tell."""
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return torch.cuda.mem_get_info(None if device == "auto" else torch.device(device))[0]
    return free_memory()
