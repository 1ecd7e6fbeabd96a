"""Compare rows with those of a training part, by a Gaussian kernel that is kept as tensors."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer

MOST = 3.0  # deviations beyond which a column is the same, so that one alone does not make a row unlike all others
_TENSORS = ("centre", "scale", "landmarks", "gamma", "weight", "bias")


class KernelMachine(nn.Module):
    """Weigh the similarities of each row to M landmarks: weight k(z, landmarks) + bias.

    k(z, l) = exp(-gamma |z - l|^2), z = (x - centre) / scale, between -3 and 3.

    Shapes: ``(B, P)`` to ``(B, V)``.

    Attributes:
        centre, scale: ``(P,)`` of the columns, in their units.
        landmarks: ``(M, P)`` rows, standardised.
        gamma: one number above zero, dimensionless.
        weight: ``(V, M)``.
        bias: ``(V,)``.
    """

    centre: Tensor
    scale: Tensor
    landmarks: Tensor
    gamma: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        for name in _TENSORS:
            self.register_buffer(name, UninitializedBuffer(device=device, dtype=dtype))  # pyright: ignore[reportCallIssue] torch.Tensor.__new__ hides it

    @classmethod
    def of(cls, **tensors: np.ndarray) -> "KernelMachine":
        """Take over fitted numbers, each by its name."""
        found = cls()
        for name in _TENSORS:
            setattr(found, name, torch.from_numpy(np.ascontiguousarray(tensors[name], dtype=np.float64)))
        return found

    def forward(self, x: Tensor) -> Tensor:
        z = ((x.to(self.weight.dtype) - self.centre) / self.scale).clamp(-MOST, MOST)
        far = z.square().sum(1)[:, None] - 2 * z @ self.landmarks.T + self.landmarks.square().sum(1)
        similar = (-self.gamma * far.clamp_min(0)).exp()
        return nn.functional.linear(similar, self.weight, self.bias)

    def extra_repr(self) -> str:
        return "not fitted" if isinstance(self.weight, UninitializedBuffer) else f"landmarks={len(self.landmarks)}"
