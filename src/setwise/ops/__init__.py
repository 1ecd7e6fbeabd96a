"""Functions on raw tensors and a layout: reductions over sets, standardisation, attention within sets."""

from setwise.ops.attention import set_attention
from setwise.ops.reduce import set_max, set_mean, set_std, set_sum, to_elements
from setwise.ops.set_norm import set_norm, set_norm_block
from setwise.ops.standardise import standardise

__all__ = [
    "set_attention",
    "set_max",
    "set_mean",
    "set_norm",
    "set_norm_block",
    "set_std",
    "set_sum",
    "standardise",
    "to_elements",
]
