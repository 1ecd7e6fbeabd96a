"""Keep tensors whose shapes a fit decides as buffers of a module, which a state dict loads."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer


def reserve(
    module: nn.Module, *names: str, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> None:
    """Register buffers that have no shape yet."""
    for name in names:
        module.register_buffer(name, UninitializedBuffer(device=device, dtype=dtype))  # pyright: ignore[reportCallIssue] torch.Tensor.__new__ hides it


def take(module: nn.Module, **arrays: np.ndarray) -> None:
    """Put fitted arrays in the place of buffers, on their device; numbers in float64 until the module is cast."""
    for name, array in arrays.items():
        device = getattr(module, name).device
        setattr(module, name, torch.from_numpy(np.ascontiguousarray(array)).to(device))


def is_unshaped(tensors: Iterable[torch.Tensor]) -> bool:
    """Return whether a tensor is still to be fitted or loaded."""
    return any(isinstance(tensor, UninitializedBuffer) for tensor in tensors)
