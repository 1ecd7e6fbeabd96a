"""The attention block in which the elements of a set attend to each other through inducing points."""

import torch

from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer
from setwise.layers.learned_elements import LearnedElements
from setwise.layers.multihead_attention_block import MultiheadAttentionBlock
from setwise.ops.absorbed import AbsorbedAttention, absorb_projections
from setwise.streaming.rows import Rows


class InducedSetAttentionBlock(SetLayer):
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
        self.inducing = LearnedElements(inducing, width, device=device, dtype=dtype)
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
        absorbed = self._absorbed(batch)
        if absorbed is None:
            return self.spread(batch, self.gather(points, batch, shared=q))
        summary = self.gather.combine(points, points.elements, absorbed.gather(q))
        o = absorbed.spread(self.spread.norm_keys(summary).elements, self.spread.residual_of(batch))
        return self.spread.feed_forward(batch.with_elements(o))

    def _absorbed(self, batch: SetBatch) -> AbsorbedAttention | None:
        """Return both attentions with projections absorbed, for set norm on a clean path, where that serves."""
        gather, spread = self.gather, self.spread
        if gather.path != "clean" or spread.path != "clean":
            return None
        return absorb_projections(
            batch.elements,
            batch.layout,
            norms=(gather.norm_keys.set_norm_numbers(), spread.norm_queries.set_norm_numbers()),
            gathers=gather.projections(),
            spreads=spread.projections(),
        )

    def stream(self, rows: Rows) -> Rows:
        x = rows.kept()
        return self.spread.stream_queries(x, self.gather.stream_keys(self.inducing(1), x))

    def ties(self) -> tuple[str, ...]:
        return ("attention between elements",)
