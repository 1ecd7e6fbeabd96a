"""The residual block of Deep Sets, on a clean or a non-clean path."""

import torch
from torch import Tensor, nn

from setwise._checks import check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer
from setwise.layers.norms.make import make_norm
from setwise.layers.plain import linear_numbers
from setwise.layers.residual import RESIDUALS, check_residual
from setwise.ops import set_norm_block
from setwise.streaming.rows import Rows


class ResidualBlock(SetLayer):
    """A residual block of two linear layers; equivariant.

    Clean path: r(x) + linear2(ReLU(norm2(linear1(ReLU(norm1(x)))))). Non-clean path:
    ReLU(x + norm2(linear2(ReLU(norm1(linear1(x)))))). r(x) is x itself (equivariant residual connection) or the mean
    or the maximum of the set (aggregated residual connection).

    Shapes: elements ``(N, width)`` to the same.

    Args:
        width: W.
        norm: a word of `setwise.variants.NORMS`. The linear layers have a bias exactly when there is no norm.
        residual: "equivariant", "mean", "max", or "sum" (clean path only; explodes with depth, kept to show it).
        path: "clean" or "non-clean"; aggregated residuals are defined on the clean path alone.

    Raises:
        InputError: a combination that the paper does not define.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 5; clean path after He et al. 2016, arXiv 1603.05027.
    """

    def __init__(
        self,
        width: int,
        *,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width)
        check_residual(residual, path)
        super().__init__()
        self.residual, self.path = residual, path
        bias = norm == "none"
        self.norm1 = make_norm(norm, width, device=device, dtype=dtype)
        self.linear1 = nn.Linear(width, width, bias=bias, device=device, dtype=dtype)
        self.norm2 = make_norm(norm, width, device=device, dtype=dtype)
        self.linear2 = nn.Linear(width, width, bias=bias, device=device, dtype=dtype)

    def forward(self, batch: SetBatch) -> SetBatch:
        x = batch.elements
        if self.path == "non-clean":
            h = self.norm1(batch.with_elements(self.linear1(x))).elements.relu()
            h = self.norm2(batch.with_elements(self.linear2(h))).elements
            return batch.with_elements((x + h).relu())
        fused = self._fused(batch) if self.residual == "equivariant" else None
        if fused is not None:
            return batch.with_elements(fused)
        h = self.linear1(self.norm1(batch).elements.relu())
        h = self.linear2(self.norm2(batch.with_elements(h)).elements.relu())
        return batch.with_elements(RESIDUALS[self.residual].term(x, batch.layout) + h)

    def _fused(self, batch: SetBatch) -> Tensor | None:
        """Compute the block of Deep Sets++ by one operator; none where a part is another, or no operator serves."""
        norms = self.norm1.set_norm_numbers(), self.norm2.set_norm_numbers()
        linears = linear_numbers(self.linear1), linear_numbers(self.linear2)
        return set_norm_block(batch.elements, batch.layout, norms, linears)

    def stream(self, rows: Rows) -> Rows:
        """Stream in two sweeps, for the statistics of both norms; the first also stores the rows."""
        x = rows.kept()
        return self._stream_clean(x) if self.path == "clean" else self._stream_non_clean(x)

    def _stream_clean(self, x: Rows) -> Rows:
        norm1 = self.norm1.on_rows(x)

        def inner(rows: Tensor) -> Tensor:
            return self.linear1(norm1(rows).relu())

        norm2 = self.norm2.on_rows(x.map(inner))
        residual = RESIDUALS[self.residual].on_rows(x)
        return x.map(lambda rows: residual(rows) + self.linear2(norm2(inner(rows)).relu()))

    def _stream_non_clean(self, x: Rows) -> Rows:
        norm1 = self.norm1.on_rows(x.map(self.linear1))

        def inner(rows: Tensor) -> Tensor:
            return self.linear2(norm1(self.linear1(rows)).relu())

        norm2 = self.norm2.on_rows(x.map(inner))
        return x.map(lambda rows: (rows + norm2(inner(rows))).relu())

    def ties(self) -> tuple[str, ...]:
        return *self.norm1.ties(), *self.norm2.ties(), *RESIDUALS[self.residual].ties()

    def extra_repr(self) -> str:
        return f"residual={self.residual!r}, path={self.path!r}"
