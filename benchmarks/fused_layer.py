"""Try set norm and ReLU in the prologue of a matrix product, the next norm's statistics in its epilogue.

A layer then reads its elements once and writes its result once. Built into the library only where it gains 1.2 times
over the norm's kernels with torch's product (`python -m benchmarks gpu` tells); forward only, for that question.
"""
# pyright: reportIndexIssue=false
# kernels are launched by an index, their grid

from dataclasses import dataclass

import torch
import triton  # pyright: ignore[reportMissingImports] an extra
import triton.language as tl  # pyright: ignore[reportMissingImports]
from torch import Tensor

from setwise.ops import triton_kernels
from setwise.ops.triton_kernels import _activated, _chunk, _parameters, _places, _standardised

_ROWS = 128  # of a chunk: the height of a product's tile
_COLUMNS = 128  # of a tile of the result


@triton.jit(do_not_specialize=["sets", "largest", "steps"])
def _layer(
    x, offsets, weight, bias, stats, matrix, residual, out, partial, sets, largest, steps,
    RESIDUAL: tl.constexpr, WIDTH: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr, MODE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Compute residual + linear(ReLU(norm(x))) of a chunk, and the moments of the result."""
    i, start, stop = _chunk(offsets, sets, largest, steps, ROWS, MODE)
    if start < stop:
        at, real = _places(start, stop, WIDTH, WIDTH, ROWS)
        w, b = _parameters(weight, bias, WIDTH, WIDTH)
        y = _standardised(tl.load(x + at, mask=real, other=0).to(tl.float32), stats, i)
        a = _activated(y, w, b, True).to(x.dtype.element_ty)
        rows, inner = start + tl.arange(0, ROWS), tl.arange(0, WIDTH)
        count = ((stop - start) * WIDTH).to(tl.float32)
        shift, total, squares = 0.0, 0.0, 0.0
        for tile in tl.static_range(WIDTH // COLS):
            columns = tile * COLS + tl.arange(0, COLS)
            to = rows[:, None] * WIDTH + columns[None, :]
            inside = (rows < stop)[:, None] & (columns < WIDTH)[None, :]
            h = tl.dot(a, tl.load(matrix + columns[None, :] * WIDTH + inner[:, None]))
            if RESIDUAL:
                h += tl.load(residual + to, mask=inside, other=0).to(tl.float32)
            stored = h.to(out.dtype.element_ty)
            tl.store(out + to, stored, mask=inside)
            h = tl.where(inside, stored.to(tl.float32), 0.0)
            if tile == 0:
                shift = tl.sum(h) / ((stop - start) * COLS).to(tl.float32)
            d = tl.where(inside, h - shift, 0.0)
            total += tl.sum(d)
            squares += tl.sum(d * d)
        to_moments = partial + 3 * tl.program_id(0)
        tl.store(to_moments, shift)
        tl.store(to_moments + 1, total / count)
        tl.store(to_moments + 2, squares - total * (total / count))


@dataclass(frozen=True)
class FusedLayers:
    """Layers residual + linear(ReLU(norm(x))) on one batch, each a kernel and one that puts its moments together.

    Attributes:
        offsets: ``(B + 1,)``.
        largest: the size of the largest set, a host value.
        elements: N.
        eps: added to the variance.
    """

    offsets: Tensor
    largest: int
    elements: int
    eps: float = 1e-5

    @property
    def _mode(self) -> str:
        return "dense" if (len(self.offsets) - 1) * self.largest == self.elements else "ragged"

    @property
    def _programs(self) -> int:
        sets = len(self.offsets) - 1
        return sets * triton.cdiv(self.largest, _ROWS) if self._mode == "dense" else self.elements // _ROWS + sets

    def statistics(self, x: Tensor) -> Tensor:
        """Compute statistics of the first layer's elements, which no product gave."""
        partial = x.new_empty(self._programs, 3, dtype=torch.float32)
        tile = {"WIDTH": x.shape[1], "COLS": x.shape[1], "ROWS": _ROWS, "MODE": self._mode, "num_warps": 8}
        triton_kernels.moments[(self._programs,)](x, self.offsets, partial, *self._share, **tile)
        return self._together(partial, x)

    def layer(
        self, x: Tensor, norm: tuple[Tensor, Tensor], matrix: Tensor, stats: Tensor, residual: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the result ``(N, W)`` and its statistics ``(B, 3)``; W is a power of two from 16 on."""
        out, partial = torch.empty_like(x), x.new_empty(self._programs, 3, dtype=torch.float32)
        width = x.shape[1]
        choices = {"RESIDUAL": residual is not None, "WIDTH": width, "COLS": min(width, _COLUMNS), "ROWS": _ROWS}
        added = x if residual is None else residual
        tensors = (x, self.offsets, *norm, stats, matrix, added, out, partial)
        _layer[(self._programs,)](*tensors, *self._share, **choices, MODE=self._mode, num_warps=8)
        return out, self._together(partial, x)

    @property
    def _share(self) -> tuple[int, int, int]:
        sets = len(self.offsets) - 1
        return sets, self.largest, (sets - 1).bit_length()

    def _together(self, partial: Tensor, x: Tensor) -> Tensor:
        stats = x.new_empty(len(self.offsets) - 1, 3, dtype=torch.float32)
        choices = {"WIDTH": x.shape[1], "ROWS": _ROWS, "MODE": self._mode, "AT_ONCE": 256, "num_warps": 4}
        triton_kernels.statistics[(len(stats),)](partial, self.offsets, stats, self.largest, self.eps, **choices)
        return stats
