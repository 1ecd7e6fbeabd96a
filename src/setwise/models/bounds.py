"""Keep the columns of a table within bounds."""

import numpy as np
import torch
from torch import Tensor, nn

from setwise.layers.unshaped import reserve, take


class Bounds(nn.Module):
    """Map rows ``(B, P)`` to min(max(x, low), high), so that no number is further out than bounds say.

    Attributes:
        low, high: ``(P,)``.
    """

    low: Tensor
    high: Tensor

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        reserve(self, "low", "high", device=device, dtype=dtype)

    @classmethod
    def of(cls, low: np.ndarray, high: np.ndarray) -> "Bounds":
        """Take over fitted numbers."""
        found = cls()
        take(found, low=low, high=high)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.low.dtype).clamp(self.low, self.high)
