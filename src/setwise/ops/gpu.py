"""Abilities of the GPU at hand."""

import torch


@torch.compiler.assume_constant_result
def is_modern(device: int | None) -> bool:
    """Return whether Triton and flash attention support it: NVIDIA's from capability 8.0 on, and AMD's."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
