"""Functions on raw tensors and a layout: reductions over sets, standardisation, products and attention within sets."""

from setwise.ops.attention import set_attention
from setwise.ops.feed_forward import set_norm_feed_forward
from setwise.ops.induced import gather_by_attention, spread_by_attention
from setwise.ops.order import sort_within_sets
from setwise.ops.products import set_product
from setwise.ops.reduce import set_max, set_mean, set_std, set_sum, to_elements
from setwise.ops.set_norm import set_norm, set_norm_block
from setwise.ops.standardise import standardise

__all__ = [
    "gather_by_attention",
    "set_attention",
    "set_max",
    "set_mean",
    "set_norm",
    "set_norm_block",
    "set_norm_feed_forward",
    "set_product",
    "set_std",
    "set_sum",
    "sort_within_sets",
    "spread_by_attention",
    "standardise",
    "to_elements",
]
