"""Attention between elements and a few points of each set, with the projections of the elements absorbed.

One standardisation of the elements serves both set norms before an induced attention block, which differ in scale and
shift alone; scales, shifts and projections fall to the points. What adds the same to all logits of a softmax (the keys'
bias, the shift before the keys) is left out.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from setwise.batch import SetLayout
from setwise.ops.induced import absorbed_serves, gather_by_attention, spread_by_attention
from setwise.ops.parts import Projections, SetNormNumbers
from setwise.ops.set_norm import set_norm
from setwise.ops.small_sets import absorb_keys


@dataclass(frozen=True, eq=False)
class AbsorbedAttention:
    """Both attentions of an induced block on the elements of one batch; made by `absorb_projections`.

    Attributes:
        x: ``(N, W)``, standardised elements.
        layout: which element belongs to which set.
        norms: of the elements as keys, and as queries.
        gathers: projections of the points' attention to the elements.
        spreads: projections of the elements' attention to the points.
    """

    x: Tensor
    layout: SetLayout
    norms: tuple[SetNormNumbers, SetNormNumbers]
    gathers: Projections
    spreads: Projections

    def gather(self, q: Tensor) -> Tensor:
        """Return what projected points ``(I, W)`` attend to in the elements of each set, ``(B * I, W)``; invariant."""
        norm, (_, keys, values, heads) = self.norms[0], self.gathers
        logits_of = absorb_keys(q, keys.weight, heads=heads)
        scale = self.x.shape[1] ** -0.5
        averages = gather_by_attention(self.x, self.layout, (scale * norm.weight * logits_of).flatten(0, 1))
        averages = (averages * norm.weight + norm.bias).unflatten(1, (heads, -1))
        attended = torch.einsum("bhiw,hdw->bihd", averages, values.weight.unflatten(0, (heads, -1)))
        assert keys.bias is not None
        assert values.bias is not None
        # The softmax does not see the keys' bias: a gradient of zero is what it has otherwise, and not none.
        return attended.flatten(2).flatten(0, 1) + (values.bias + 0 * keys.bias)

    def spread(self, points: Tensor, residual: Tensor) -> Tensor:
        """Return residual plus what the elements attend to in normalised points ``(B * I, W)``; equivariant."""
        norm, (queries, keys, values, heads) = self.norms[1], self.spreads
        width = self.x.shape[1]
        scale = width**-0.5
        k, v = (
            torch.nn.functional.linear(points, *linear).view(self.layout.num_sets, -1, heads, width // heads)
            for linear in (keys, values)
        )
        assert queries.bias is not None
        logits_of = torch.einsum("bihd,hdw->bhiw", k, queries.weight.unflatten(0, (heads, -1)))
        bias = torch.einsum("bihd,hd->bhi", k, queries.bias.unflatten(0, (heads, -1))) + logits_of @ norm.bias
        return spread_by_attention(
            self.x, self.layout, scale * norm.weight * logits_of, scale * bias, v.transpose(1, 2), residual
        )


def absorb_projections(
    x: Tensor,
    layout: SetLayout,
    *,
    norms: tuple[SetNormNumbers | None, SetNormNumbers | None],
    gathers: Projections | None,
    spreads: Projections | None,
) -> AbsorbedAttention | None:
    """Prepare the attentions of an induced block on the clean path; none where they are computed as they are written.

    Args:
        x: ``(N, W)``.
        layout: which element belongs to which set.
        norms: set norms of the elements as keys and as queries; none where a norm is another.
        gathers: projections of the points' attention to the elements; none where a part is more than its numbers.
        spreads: projections of the elements' attention to the points; the same.
    """
    of_keys, of_queries = norms
    if gathers is None or spreads is None or of_keys is None or of_queries is None:
        return None
    if of_keys.eps != of_queries.eps or not absorbed_serves(x, layout):
        return None
    ones, zeros = torch.ones_like(of_keys.weight), torch.zeros_like(of_keys.bias)
    standardised = set_norm(x, layout, ones, zeros, eps=of_keys.eps)
    return AbsorbedAttention(standardised, layout, (of_keys, of_queries), gathers, spreads)
