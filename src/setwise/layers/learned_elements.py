"""Learned elements that every set has: inducing points, seeds."""

import torch
from torch import nn

from setwise._checks import check_positive
from setwise.batch import SetBatch, SetLayout


class LearnedElements(nn.Module):
    """The same learned elements ``(1, I, W)`` for every set: inducing points, seeds.

    Shapes: a number of sets B to a `SetBatch` with elements ``(B * I, W)``.

    Args:
        count: I.
        width: W.
    """

    def __init__(self, count: int, width: int, *, device: torch.device | None, dtype: torch.dtype | None):
        check_positive(count=count)
        super().__init__()
        self.elements = nn.Parameter(torch.empty(1, count, width, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the elements anew, Xavier-uniform."""
        nn.init.xavier_uniform_(self.elements)

    def forward(self, num_sets: int) -> SetBatch:
        elements = self.elements[0].repeat(num_sets, 1)
        return SetBatch(elements, SetLayout.uniform(num_sets, self.elements.shape[1], self.elements.device))

    def extra_repr(self) -> str:
        return f"{self.elements.shape[1]}, {self.elements.shape[2]}"
