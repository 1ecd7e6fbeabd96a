"""PyTorch Geometric's aggregations on work of the same size; another function than ours, so only its speed compares.

`DeepSetsAggregation` applies one network to each element, here with as many linear layers as ours and layer norm
where ours has set norm; it has no residual connections. `SetTransformerAggregation` pads the batch and lets every
element attend to every other, where ours goes through inducing points; its blocks are as many as ours.
"""

from importlib.util import find_spec

from torch import Tensor, nn

import setwise as sw
from benchmarks.cases import FEATURES, HEADS, MODELS, WIDTH

INSTALLED = find_spec("torch_geometric") is not None
_DECODER_BLOCKS = 3
_MOST_BYTES = 4 << 30  # of attention weights that the backward pass keeps; more does not fit beside the rest


class DeepSets(nn.Module):
    """``forward(batch) -> (B, 1)`` by `torch_geometric.nn.DeepSetsAggregation`."""

    def __init__(self, depth: int, *, norm: str | None):
        super().__init__()
        from torch_geometric.nn import MLP, DeepSetsAggregation

        local = MLP([FEATURES, *[WIDTH] * (depth + 2)], norm=norm)
        self.aggregation = DeepSetsAggregation(local, MLP([WIDTH] * 4 + [1], norm=None))

    def forward(self, batch: sw.SetBatch) -> Tensor:
        return self.aggregation(batch.elements, index=batch.layout.set_index, dim_size=len(batch.sizes))


class SetTransformer(nn.Module):
    """``forward(batch) -> (B, 1)`` by `torch_geometric.nn.SetTransformerAggregation`."""

    def __init__(self, depth: int, *, norm: bool):
        super().__init__()
        from torch_geometric.nn import SetTransformerAggregation

        self.first = nn.Linear(FEATURES, WIDTH)
        self.aggregation = SetTransformerAggregation(
            WIDTH, num_encoder_blocks=depth, num_decoder_blocks=_DECODER_BLOCKS, heads=HEADS, layer_norm=norm
        )
        self.last = nn.Linear(WIDTH, 1)

    def forward(self, batch: sw.SetBatch) -> Tensor:
        pooled = self.aggregation(self.first(batch.elements), index=batch.layout.set_index, dim_size=len(batch.sizes))
        return self.last(pooled)


def peer(name: str, sizes: list[int], *, training: bool) -> nn.Module | None:
    """Build PyTorch Geometric's model of our size; none where it is not installed or would not fit into memory."""
    if not INSTALLED:
        return None
    family, depth = MODELS[name]
    plus = family.endswith("++")
    if family.startswith("deep-sets"):
        return DeepSets(depth, norm="layer_norm" if plus else None)
    weights = 4 * HEADS * len(sizes) * max(sizes) ** 2 * (depth if training else 1)
    return SetTransformer(depth, norm=plus) if weights <= _MOST_BYTES else None
