"""Pooling by attention: learned seeds attend to the elements of each set."""

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch, SetLayout
from setwise.layers.layer import SetPooling
from setwise.layers.learned_elements import LearnedElements
from setwise.layers.multihead_attention_block import MultiheadAttentionBlock
from setwise.streaming.rows import Rows


class PoolingByAttention(SetPooling):
    """PMA: learned seeds attend to the elements of each set; invariant.

    Shapes: elements ``(N, width)`` to a `SetBatch` of B sets of ``seeds`` elements ``(B * seeds, width)``; covariates
    are kept.

    Args: as `MultiheadAttentionBlock`, and
        seeds: number of learned seeds, and of elements of each set of the result.

    Source: Lee et al. 2019, arXiv 1810.00825, equation 11; without a norm and without a layer before the keys, as in
    the decoder of Zhang et al. 2022, arXiv 2206.11925.
    """

    has_seeds = True

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
        self.seeds = LearnedElements(seeds, width, device=device, dtype=dtype)
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

    def grows_with_size(self) -> bool:
        return False

    def stream(self, rows: Rows) -> SetBatch:
        return self.block.stream_keys(self.seeds(1), rows)

    def attention_logits(self, batch: SetBatch) -> Tensor:
        return self.block.logits_and_values(self.seeds(1), batch)[0]

    def without_each(self, encoded: Tensor, rows: Tensor) -> SetBatch:
        """Take from numerator and denominator of each softmax the share of each element."""
        batch = SetBatch(encoded, SetLayout.uniform(1, len(encoded), encoded.device))
        logits, values = self.block.logits_and_values(self.seeds(1), batch)
        largest, where = logits.max(-1, keepdim=True)
        weights = (logits - largest).exp()
        own = weights[..., rows].unsqueeze(-1)  # (H, I, m, 1)
        without = (weights @ values).unsqueeze(2) - own * values[:, None, rows]
        attended = without / (weights.sum(-1)[..., None, None] - own)
        # Without the element that holds the largest weight, little may be left to subtract from: recomputed.
        others = logits.scatter(-1, where, -torch.inf).softmax(-1) @ values  # (H, I, W / H)
        attended = torch.where((rows == where)[..., None], others.unsqueeze(2), attended)
        queries = self.seeds(len(rows))
        q = self.block.queries(self.block.norm_queries(queries).elements)
        return self.block.combine(queries, q, attended.permute(2, 1, 0, 3).flatten(2).flatten(0, 1))


class SeedsAsVector(nn.Module):
    """The pooled seeds of each set, one after the other, as a vector; invariant.

    Shapes: a `SetBatch` of B sets of ``seeds`` elements to ``(B, seeds * width)``.
    """

    def forward(self, batch: SetBatch) -> Tensor:
        return batch.elements.view(batch.layout.num_sets, -1)


def attention_as_vector(
    width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> nn.Sequential:
    """Build a pooling by attention with one seed and, where they divide the width, four heads, which gives a vector."""
    heads = 4 if width % 4 == 0 else 1
    return nn.Sequential(PoolingByAttention(width, heads=heads, device=device, dtype=dtype), SeedsAsVector())
