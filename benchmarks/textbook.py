"""Write the models as a textbook would: padded tensors, masked statistics, masked softmax, nothing fused.

Built from a model of ours with its weights shared, so that their outputs can be compared before their speeds are.
"""

from typing import Any

import torch
from torch import Tensor, nn

from setwise.layers import FeedForwardBlock, InducedSetAttentionBlock, MultiheadAttentionBlock, ResidualBlock, SetNorm
from setwise.models import SetModel


class Textbook(nn.Module):
    """``forward(padded (B, S, D), mask (B, S)) -> (B, K)``, as a model of ours with equivariant residuals."""

    def __init__(self, model: SetModel):
        super().__init__()
        self.model: Any = model

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for layer in self.model.encoder:
            x = _encode(layer, x, mask)
        pooling, decoder = self.model.pooling, self.model.decoder
        if hasattr(pooling, "seeds"):
            pooled = _attend(pooling.block, pooling.seeds.elements.expand(len(x), -1, -1), x, mask)
            for block in decoder.blocks:
                pooled = _attend(block.block, pooled, pooled, None)
            return decoder.linear(pooled[:, 0])
        pooled = (x * mask[..., None]).sum(1)
        if pooling.pool == "mean":
            pooled = pooled / mask.sum(1, keepdim=True)
        return decoder(pooled)


def _encode(layer: Any, x: Tensor, mask: Tensor) -> Tensor:
    if isinstance(layer, SetNorm):
        return _norm(layer, x, mask)
    if isinstance(layer, FeedForwardBlock):
        return _norm(layer.norm, layer.linear(x), mask).relu()
    if isinstance(layer, ResidualBlock):
        h = layer.linear1(_norm(layer.norm1, x, mask).relu())
        return x + layer.linear2(_norm(layer.norm2, h, mask).relu())
    if isinstance(layer, InducedSetAttentionBlock):
        points = layer.inducing.elements.expand(len(x), -1, -1)
        return _attend(layer.spread, x, _attend(layer.gather, points, x, mask), None, mask)
    return layer.module(x)


def _norm(norm: Any, x: Tensor, mask: Tensor | None) -> Tensor:
    if not hasattr(norm, "weight"):
        return x
    real = torch.ones_like(x[..., :1]) if mask is None else mask[..., None].to(x.dtype)
    count = real.sum((1, 2), keepdim=True) * x.shape[2]
    centred = x - (x * real).sum((1, 2), keepdim=True) / count
    variance = (centred.square() * real).sum((1, 2), keepdim=True) / count
    return centred / (variance + norm.eps).sqrt() * norm.weight + norm.bias


def _attend(
    block: MultiheadAttentionBlock, q: Tensor, k: Tensor, key_mask: Tensor | None, query_mask: Tensor | None = None
) -> Tensor:
    clean = block.path == "clean"
    k = _norm(block.norm_keys, k, key_mask)
    projected = block.queries(_norm(block.norm_queries, q, query_mask))
    heads = [x.unflatten(2, (block.heads, -1)).transpose(1, 2) for x in (projected, block.keys(k), block.values(k))]
    logits = heads[0] @ heads[1].transpose(2, 3) / projected.shape[2] ** 0.5
    if key_mask is not None:
        logits = logits.masked_fill(~key_mask[:, None, None], -torch.inf)
    attended = (logits.softmax(-1) @ heads[2]).transpose(1, 2).flatten(2)
    o = (q if clean else projected) + attended
    if clean:
        return o + block.linear(_norm(block.norm1, o, query_mask)).relu()
    o = _norm(block.norm1, o, query_mask)
    return _norm(block.norm2, o + block.linear(o).relu(), query_mask)
