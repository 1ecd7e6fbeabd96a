"""The attention block of the Set Transformer, of which its other blocks are made."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.layers.layer import SetLayer
from setwise.layers.norms.make import make_norm
from setwise.layers.plain import has_hooks, linear_numbers
from setwise.layers.residual import RESIDUALS, check_residual
from setwise.ops import set_attention, set_norm_feed_forward
from setwise.ops.parts import Projections
from setwise.ops.small_sets import attend_by_products
from setwise.streaming.folds import Attention
from setwise.streaming.rows import Rows


class MultiheadAttentionBlock(SetLayer):
    """MAB(q, k): every query attends to the elements of its own set of keys; equivariant in q, invariant in k.

    With att(Q, K, V) = softmax(Q K' / sqrt(width)) V in each head:

    - non-clean path: Q = linear(q); O = norm(Q + att(Q, linear(k), linear(k))); norm(O + ReLU(linear(O)));
    - clean path: O = r(q) + att(linear(norm(q)), linear(norm(k)), linear(norm(k))); r(O) + ReLU(linear(norm(O))),
      r(x) = x (equivariant residual connection) or the mean or maximum over the set (aggregated).

    Shapes: queries ``(Nq, in_features)`` and keys ``(Nk, key_features)`` of the same B sets to ``(Nq, width)`` with the
    layout of the queries. On the clean path both have ``width`` features.

    Args:
        in_features: features of a query.
        width: W, divided by ``heads``.
        heads: H.
        key_features: features of a key, ``in_features`` where not given.
        norm: a word of `setwise.variants.NORMS`.
        residual: "equivariant", "mean", "max" or "sum".
        path: "clean" or "non-clean".
        norm_queries: whether queries are normalised on the clean path (learned queries are not).

    Raises:
        InputError: a combination that the paper does not define, or sizes that do not fit.

    Source: Lee et al. 2019, arXiv 1810.00825; norms and residuals as in Zhang et al. 2022, arXiv 2206.11925. As in
    the authors' code, logits are divided by the square root of the width, not of the width of a head.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        heads: int = 4,
        key_features: int | None = None,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        norm_queries: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        key_features = in_features if key_features is None else key_features
        check_positive(in_features=in_features, width=width, heads=heads, key_features=key_features)
        check_residual(residual, path)
        if width % heads:
            raise InputError(f"heads must divide the width; got {heads} heads and width {width}.")
        if path == "clean" and (in_features, key_features) != (width, width):
            raise InputError(
                f"on the clean path queries and keys must have the width's {width} features, since they are added; got "
                f"{in_features} and {key_features}. Put Elementwise(nn.Linear(in_features, width)) before."
            )
        super().__init__()
        self.heads, self.residual, self.path = heads, residual, path
        clean = path == "clean"
        self.norm_queries = make_norm(norm if clean and norm_queries else "none", width, device=device, dtype=dtype)
        self.norm_keys = make_norm(norm if clean else "none", width, device=device, dtype=dtype)
        self.queries = nn.Linear(in_features, width, device=device, dtype=dtype)
        self.keys = nn.Linear(key_features, width, device=device, dtype=dtype)
        self.values = nn.Linear(key_features, width, device=device, dtype=dtype)
        self.norm1 = make_norm(norm, width, device=device, dtype=dtype)
        self.linear = nn.Linear(width, width, device=device, dtype=dtype)
        self.norm2 = make_norm("none" if clean else norm, width, device=device, dtype=dtype)

    def forward(self, queries: SetBatch, keys: SetBatch, *, shared: Tensor | None = None) -> SetBatch:
        if shared is None:
            q = self.queries(self.norm_queries(queries).elements)
        else:  # projected queries (Nq / B, W) that all sets have
            q = shared.repeat(queries.layout.num_sets, 1)
        return self.combine(queries, q, self._attend(q, queries.layout, self.norm_keys(keys), shared))

    def _attend(self, q: Tensor, queries: SetLayout, batch: SetBatch, shared: Tensor | None) -> Tensor:
        """Return what projected queries ``(Nq, W)`` attend to in normalised keys, ``(Nq, W)``."""
        x, keys, choices = batch.elements, batch.layout, {"heads": self.heads, "scale": q.shape[1] ** -0.5}
        numbers = linear_numbers(self.keys), linear_numbers(self.values)
        attended = attend_by_products(q, x, queries, keys, *numbers, **choices, shared=shared)
        if attended is not None:
            return attended
        return set_attention(q, self.keys(x), self.values(x), queries, keys, **choices)

    def combine(self, queries: SetBatch, q: Tensor, attended: Tensor) -> SetBatch:
        """Return the result, from queries as they came, projected, and what they attended to, ``(Nq, W)``."""
        if self.path == "non-clean":
            o = self.norm1(queries.with_elements(q + attended))
            return self.norm2(o.with_elements(o.elements + self.linear(o.elements).relu()))
        return self.feed_forward(queries.with_elements(self.residual_of(queries) + attended))

    def residual_of(self, batch: SetBatch) -> Tensor:
        """Return what the residual connection adds, ``(N, W)``."""
        return RESIDUALS[self.residual].term(batch.elements, batch.layout)

    def feed_forward(self, o: SetBatch) -> SetBatch:
        """Compute the second half on the clean path: r(O) + ReLU(linear(norm(O)))."""
        if self.residual == "equivariant":
            numbers = self.norm1.set_norm_numbers(), linear_numbers(self.linear)
            fused = set_norm_feed_forward(o.elements, o.layout, *numbers)
            if fused is not None:
                return o.with_elements(fused)
        return o.with_elements(self.residual_of(o) + self.linear(self.norm1(o).elements).relu())

    def projections(self) -> Projections | None:
        """Return the numbers of the projections; none where a projection, or the block, is more than its numbers."""
        if type(self) is not MultiheadAttentionBlock or has_hooks(self):
            return None
        queries, keys, values = (linear_numbers(linear) for linear in (self.queries, self.keys, self.values))
        if queries is None or keys is None or values is None:
            return None
        return Projections(queries, keys, values, self.heads)

    def logits_and_values(self, queries: SetBatch, keys: SetBatch) -> tuple[Tensor, Tensor]:
        """Return logits ``(H, I, n)`` of the I queries of one set, and its n values by head, ``(H, n, W / H)``."""
        x = self.norm_keys(keys).elements
        q = _by_head(self.queries(self.norm_queries(queries).elements), self.heads)
        k, v = _by_head(self.keys(x), self.heads), _by_head(self.values(x), self.heads)
        width = q.shape[0] * q.shape[2]
        return q @ k.transpose(1, 2) * width**-0.5, v

    def stream_keys(self, queries: SetBatch, keys: Rows) -> SetBatch:
        """Let a few queries, the same for every set, attend to all rows; in a sweep, and those of the norm."""
        norm = self.norm_keys.on_rows(keys)
        q = self.queries(self.norm_queries(queries).elements)
        attention = Attention(q, heads=self.heads, scale=q.shape[1] ** -0.5)

        def visit(rows: Tensor) -> None:
            rows = norm(rows)
            attention.add(self.keys(rows), self.values(rows))

        keys.sweep(visit)
        return self.combine(queries, q, attention.result())

    def stream_queries(self, x: Rows, keys: SetBatch) -> Rows:
        """Let every row attend to a few keys."""
        normed = self.norm_keys(keys).elements
        k, v = self.keys(normed), self.values(normed)
        norm = self.norm_queries.on_rows(x)

        def project(rows: Tensor) -> Tensor:
            return self.queries(norm(rows))

        def attend(q: Tensor) -> Tensor:
            layout = SetLayout.uniform(1, len(q), q.device)
            return set_attention(q, k, v, layout, keys.layout, heads=self.heads, scale=q.shape[1] ** -0.5)

        if self.path == "clean":
            residual = RESIDUALS[self.residual].on_rows(x)
            return self._stream_clean(x.map(lambda rows: residual(rows) + attend(project(rows))).kept())

        def attended(rows: Tensor) -> Tensor:
            q = project(rows)
            return q + attend(q)

        return self._stream_non_clean(x.map(attended).kept())

    def _stream_clean(self, o: Rows) -> Rows:
        norm, residual = self.norm1.on_rows(o), RESIDUALS[self.residual].on_rows(o)
        return o.map(lambda rows: residual(rows) + self.linear(norm(rows)).relu())

    def _stream_non_clean(self, o: Rows) -> Rows:
        norm = self.norm1.on_rows(o)

        def forward(rows: Tensor) -> Tensor:
            rows = norm(rows)
            return rows + self.linear(rows).relu()

        h = o.map(forward).kept()
        return h.map(self.norm2.on_rows(h))

    def ties(self) -> tuple[str, ...]:
        return ("attention between elements",)

    def extra_repr(self) -> str:
        return f"heads={self.heads}, residual={self.residual!r}, path={self.path!r}"


def _by_head(rows: Tensor, heads: int) -> Tensor:
    """Return ``(n, W)`` as ``(H, n, W / H)``."""
    return rows.view(len(rows), heads, -1).transpose(0, 1)
