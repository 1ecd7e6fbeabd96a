"""What the GPU at hand can do."""

import torch


@torch.compiler.assume_constant_result
def is_modern(device: int | None) -> bool:
    """Whether Triton and the kernels of flash attention support it: NVIDIA's from capability 8.0 on, and AMD's."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
