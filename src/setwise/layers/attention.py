"""Attention blocks of the Set Transformer: MAB, SAB, ISAB and pooling by attention."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.layers.normalisation import SetNorm, make_norm
from setwise.layers.residual import check_residual, is_plain, residual_term
from setwise.ops import gather_by_attention, set_attention, set_norm, set_norm_feed_forward, spread_by_attention
from setwise.ops.few import absorb_keys, attend_to_few, attend_with_few, few_keys, few_queries, sizes_for_products
from setwise.ops.induced import absorbed_serves
from setwise.ops.set_norm import kernels_serve


class MultiheadAttentionBlock(nn.Module):
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
        norm: "none", "set", "layer" or "feature".
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
        """What projected queries ``(Nq, W)`` attend to in normalised keys: by the way that costs least."""
        x, keys, heads, scale = batch.elements, batch.layout, self.heads, q.shape[1] ** -0.5
        sizes = sizes_for_products(x, queries, keys)
        if sizes is not None and is_plain(self.keys, nn.Linear):
            # The softmax does not see the keys' bias: a gradient of zero is what it has otherwise, and not none.
            unseen = 0 * self.keys.bias
            if few_queries(*sizes, width=q.shape[1], heads=heads) and is_plain(self.values, nn.Linear):
                weights = self.keys.weight, self.values.weight
                return attend_with_few(scale * q, x, keys.num_sets, *weights, heads=heads) + (self.values.bias + unseen)
            if shared is not None and few_keys(*sizes):
                projections = self.keys.weight, self.values(x) + unseen
                return attend_to_few(scale * shared, x, keys.num_sets, *projections, heads=heads)
        return set_attention(q, self.keys(x), self.values(x), queries, keys, heads=heads, scale=scale)

    def combine(self, queries: SetBatch, q: Tensor, attended: Tensor) -> SetBatch:
        """What follows the attention: the queries as they came, projected, and what they attended to ``(Nq, W)``."""
        if self.path == "non-clean":
            o = self.norm1(queries.with_elements(q + attended))
            return self.norm2(o.with_elements(o.elements + self.linear(o.elements).relu()))
        return self.feed_forward(queries.with_elements(self.residual_of(queries) + attended))

    def residual_of(self, batch: SetBatch) -> Tensor:
        """What the residual connection adds, ``(N, W)``."""
        return residual_term(batch.elements, batch.layout, self.residual)

    def feed_forward(self, o: SetBatch) -> SetBatch:
        """The second half on the clean path: r(O) + ReLU(linear(norm(O)))."""
        norm, linear = self.norm1, self.linear
        if (
            self.residual == "equivariant"
            and kernels_serve(o.elements, o.layout)
            and is_plain(norm, SetNorm)
            and is_plain(linear, nn.Linear)
        ):
            norms = (norm.weight, norm.bias)
            return o.with_elements(
                set_norm_feed_forward(o.elements, o.layout, norms, (linear.weight, linear.bias), eps=norm.eps)
            )
        return o.with_elements(self.residual_of(o) + linear(norm(o).elements).relu())

    def extra_repr(self) -> str:
        return f"heads={self.heads}, residual={self.residual!r}, path={self.path!r}"


class SetAttentionBlock(nn.Module):
    """SAB(x) = MAB(x, x): the elements of a set attend to each other; equivariant. Costs n_i^2 per set.

    Shapes: elements ``(N, in_features)`` to ``(N, width)``, same layout.

    Args: as `MultiheadAttentionBlock`.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 8.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        heads: int = 4,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.block = MultiheadAttentionBlock(
            in_features,
            width,
            heads=heads,
            norm=norm,
            residual=residual,
            path=path,
            device=device,
            dtype=dtype,
        )

    def forward(self, batch: SetBatch) -> SetBatch:
        return self.block(batch, batch)


class _LearnedElements(nn.Module):
    """The same learned elements ``(1, I, W)`` for every set: inducing points, seeds."""

    def __init__(self, count: int, width: int, *, device: torch.device | None, dtype: torch.dtype | None):
        check_positive(count=count)
        super().__init__()
        self.elements = nn.Parameter(torch.empty(1, count, width, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.elements)

    def forward(self, num_sets: int) -> SetBatch:
        elements = self.elements[0].repeat(num_sets, 1)
        return SetBatch(elements, SetLayout.uniform(num_sets, self.elements.shape[1], self.elements.device))

    def extra_repr(self) -> str:
        return f"{self.elements.shape[1]}, {self.elements.shape[2]}"


class InducedSetAttentionBlock(nn.Module):
    """ISAB(x) = MAB(x, MAB(I, x)) with learned inducing points I; equivariant. Costs n_i I per set.

    The inducing points are not normalised as queries; as keys, and in the second norm of their block, they are a set of
    I elements.

    Shapes: elements ``(N, in_features)`` to ``(N, width)``, same layout.

    Args: as `MultiheadAttentionBlock`, and
        inducing: I, number of inducing points.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 10.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        heads: int = 4,
        inducing: int = 32,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.inducing = _LearnedElements(inducing, width, device=device, dtype=dtype)
        self.gather = MultiheadAttentionBlock(
            width,
            width,
            heads=heads,
            key_features=in_features,
            norm=norm,
            residual=residual,
            path=path,
            norm_queries=False,
            device=device,
            dtype=dtype,
        )
        self.spread = MultiheadAttentionBlock(
            in_features,
            width,
            heads=heads,
            key_features=width,
            norm=norm,
            residual=residual,
            path=path,
            device=device,
            dtype=dtype,
        )

    def forward(self, batch: SetBatch) -> SetBatch:
        points = self.inducing(batch.layout.num_sets)
        q = self.gather.queries(self.inducing.elements[0])
        if self._absorbs(batch):
            return self._forward_absorbed(batch, points, q)
        return self.spread(batch, self.gather(points, batch, shared=q))

    def _absorbs(self, batch: SetBatch) -> bool:
        """Whether the operators that absorb projections serve: set norm, a clean path, and parts that are plain."""
        gather, spread = self.gather, self.spread
        linears = [linear for part in (gather, spread) for linear in (part.queries, part.keys, part.values)]
        return (
            absorbed_serves(batch.elements, batch.layout)
            and gather.path == spread.path == "clean"
            and all(is_plain(part, MultiheadAttentionBlock) for part in (gather, spread))
            and all(is_plain(linear, nn.Linear) for linear in linears)
            and is_plain(gather.norm_keys, SetNorm)
            and is_plain(spread.norm_queries, SetNorm)
            and gather.norm_keys.eps == spread.norm_queries.eps
        )

    def _forward_absorbed(self, batch: SetBatch, points: SetBatch, q: Tensor) -> SetBatch:
        """The block with one standardisation of the elements, whose scales, shifts and projections fall to the points.

        Both set norms of the elements differ in scale and shift alone. What adds the same to all logits of a softmax
        (the keys' bias, the shift before the keys) is left out.
        """
        gather, spread, heads, width = self.gather, self.spread, self.gather.heads, batch.elements.shape[1]
        norm, norm_queries, scale = gather.norm_keys, spread.norm_queries, width**-0.5
        assert isinstance(norm, SetNorm)
        assert isinstance(norm_queries, SetNorm)
        x = set_norm(
            batch.elements, batch.layout, torch.ones_like(norm.weight), torch.zeros_like(norm.bias), eps=norm.eps
        )

        logits_of = absorb_keys(q, gather.keys.weight, heads=heads)
        averages = gather_by_attention(x, batch.layout, (scale * norm.weight * logits_of).flatten(0, 1))
        averages = (averages * norm.weight + norm.bias).unflatten(1, (heads, -1))
        attended = torch.einsum("bhiw,hdw->bihd", averages, gather.values.weight.unflatten(0, (heads, -1)))
        # The softmax does not see the keys' bias: a gradient of zero is what it has otherwise, and not none.
        attended = attended.flatten(2).flatten(0, 1) + (gather.values.bias + 0 * gather.keys.bias)
        summary = gather.combine(points, points.elements, attended)

        keys = spread.norm_keys(summary).elements
        k, v = (
            linear(keys).view(batch.layout.num_sets, -1, heads, width // heads)
            for linear in (spread.keys, spread.values)
        )
        logits_of = torch.einsum("bihd,hdw->bhiw", k, spread.queries.weight.unflatten(0, (heads, -1)))
        bias = (
            torch.einsum("bihd,hd->bhi", k, spread.queries.bias.unflatten(0, (heads, -1)))
            + logits_of @ norm_queries.bias
        )
        o = spread_by_attention(
            x,
            batch.layout,
            scale * norm_queries.weight * logits_of,
            scale * bias,
            v.transpose(1, 2),
            spread.residual_of(batch),
        )
        return spread.feed_forward(batch.with_elements(o))


class PoolingByAttention(nn.Module):
    """PMA: learned seeds attend to the elements of each set; invariant.

    Shapes: elements ``(N, width)`` to a `SetBatch` of B sets of ``seeds`` elements ``(B * seeds, width)``; covariates
    are kept.

    Args: as `MultiheadAttentionBlock`, and
        seeds: number of learned seeds, and of elements of each set of the result.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 11; without a norm and without a layer before the keys, as in
    the decoder of Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int = 4,
        seeds: int = 1,
        norm: str = "none",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.seeds = _LearnedElements(seeds, width, device=device, dtype=dtype)
        self.block = MultiheadAttentionBlock(
            width,
            width,
            heads=heads,
            norm=norm,
            residual=residual,
            path=path,
            norm_queries=False,
            device=device,
            dtype=dtype,
        )

    def forward(self, batch: SetBatch) -> SetBatch:
        num_sets = batch.layout.num_sets
        shared = self.block.queries(self.seeds.elements[0])
        pooled = self.block(self.seeds(num_sets), batch, shared=shared)
        return SetBatch(pooled.elements, pooled.layout, batch.covariates)
