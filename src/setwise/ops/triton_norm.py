"""Set norm, ReLU and their gradients by the kernels of `triton_kernels`: what they are given, and in which grid.

Nothing is read back from the device, and the grid follows from shapes and from the largest set's size, a host value
that the layout knows (0 where nobody does), so a whole step can be captured in a graph.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton  # pyright: ignore[reportMissingImports] an extra
from torch import Tensor

from setwise.ops import triton_kernels as kernels

_CHUNK = 8192  # numbers that a program holds of each tensor, 32 a thread
_WHOLE = 16384  # sets of at most so many numbers are not cut
_CHUNKS_AT_ONCE = 256
_OPTIONS = {
    "enable_fp_fusion": True
}  # said, since its default changes with Triton's version; a fused product and sum is exacter


@dataclass(frozen=True)
class _Grid:
    """The grid: rows shared among programs; `triton_kernels` says what the modes are."""

    mode: str
    sets: int
    width: int
    rows: int
    programs: int
    largest: int

    @classmethod
    def of(cls, x: Tensor, offsets: Tensor, largest: int) -> "_Grid":
        elements, width = x.shape
        sets, columns = offsets.shape[0] - 1, triton.next_power_of_2(width)
        if largest > 0 and triton.next_power_of_2(largest) * columns <= _WHOLE:
            return cls("whole", sets, width, triton.next_power_of_2(largest), sets, largest)
        rows = max(1, _CHUNK // columns)
        if sets * largest == elements:
            return cls("dense", sets, width, rows, sets * triton.cdiv(largest, rows), largest)
        return cls("ragged", sets, width, rows, elements // rows + sets, largest)

    @property
    def tile(self) -> dict[str, int]:
        """Return the shape in which a program holds its chunk."""
        columns = triton.next_power_of_2(self.width)
        warps = min(16, max(1, self.rows * columns // 1024))
        return {"WIDTH": self.width, "COLS": columns, "ROWS": self.rows, "num_warps": warps, **_OPTIONS}

    @property
    def share(self) -> tuple[int, int, int]:
        """Return the numbers by which a program finds its chunk."""
        return self.sets, self.largest, (self.sets - 1).bit_length()


def forward(
    x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, eps: float, relu: bool, out: Tensor, largest: int
) -> Tensor:
    """Fill ``out (N, W)`` with set norm, and ReLU where ``relu``.

    Returns statistics ``(B, 3)``: a shift, the mean about it, 1 / std.
    """
    grid = _Grid.of(x, offsets, largest)
    stats = x.new_empty(grid.sets, 3, dtype=torch.float32)
    with torch.cuda.device_of(x):
        if grid.mode == "whole":
            _launch(kernels.whole, grid.programs, x, offsets, weight, bias, stats, out, eps, RELU=relu, **grid.tile)
            return stats
        partial = x.new_empty(grid.programs, 3, dtype=torch.float32)
        _launch(kernels.moments, grid.programs, x, offsets, partial, *grid.share, MODE=grid.mode, **grid.tile)
        _launch(kernels.statistics, grid.sets, partial, offsets, stats, grid.largest, eps, **_over_chunks(grid))
    transform(x, offsets, weight, bias, stats, relu, out, largest)
    return stats


def transform(
    x: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, stats: Tensor, relu: bool, out: Tensor, largest: int
) -> None:
    """Compute what `forward` does, with its statistics given."""
    grid = _Grid.of(x, offsets, largest)
    with torch.cuda.device_of(x):
        _launch(
            kernels.transform,
            grid.programs,
            x,
            offsets,
            weight,
            bias,
            stats,
            out,
            *grid.share,
            RELU=relu,
            MODE=grid.mode,
            **grid.tile,
        )


def backward(
    grad: Tensor,
    x: Tensor,
    offsets: Tensor,
    weight: Tensor,
    bias: Tensor,
    stats: Tensor,
    relu: bool,
    out: Tensor,
    largest: int,
    *,
    residual: Tensor | None = None,
    activated: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Fill ``out`` (which may be ``grad``) with the gradient by the elements; return those by weight and bias.

    ``residual (N, W)`` is added to the gradient by the elements; ``activated`` is filled with `transform`'s result.
    """
    grid = _Grid.of(x, offsets, largest)
    tensors = (grad, x, offsets, weight, bias, stats)
    choices = {"RELU": relu, **grid.tile}
    with_residual, with_activated = {"RESIDUAL": residual is not None}, {"ACTIVATED": activated is not None}
    residual, activated = x if residual is None else residual, out if activated is None else activated
    sums = x.new_empty(grid.programs, 2, grid.width, dtype=torch.float32)
    with torch.cuda.device_of(x):
        if grid.mode == "whole":
            _launch(
                kernels.whole_backward,
                grid.programs,
                *tensors,
                activated,
                residual,
                out,
                sums,
                **choices,
                **with_residual,
                **with_activated,
            )
        else:
            choices["MODE"] = grid.mode
            partial = x.new_empty(grid.programs, 2, dtype=torch.float32)
            means = x.new_empty(grid.sets, 2, dtype=torch.float32)
            _launch(
                kernels.sums_of_chunks,
                grid.programs,
                *tensors,
                activated,
                sums,
                partial,
                *grid.share,
                **choices,
                **with_activated,
            )
            _launch(kernels.means_of_sets, grid.sets, partial, offsets, means, grid.largest, **_over_chunks(grid))
            _launch(
                kernels.pull_back,
                grid.programs,
                *tensors,
                means,
                residual,
                out,
                *grid.share,
                **choices,
                **with_residual,
            )
    return sums[:, 0].sum(0).to(weight.dtype), sums[:, 1].sum(0).to(bias.dtype)


def _launch(kernel: Any, programs: int, *arguments: object, **constants: object) -> None:
    kernel[(programs,)](*arguments, **constants)


def _over_chunks(grid: _Grid) -> dict[str, int | str]:
    """Return the order in which a program goes through the chunks of a set."""
    return {
        "WIDTH": grid.width,
        "ROWS": grid.rows,
        "MODE": grid.mode,
        "AT_ONCE": _CHUNKS_AT_ONCE,
        "num_warps": 4,
        **_OPTIONS,
    }
