"""Layers: a `SetBatch` in; a `SetBatch` out where they are equivariant, a tensor ``(B, ...)`` where invariant."""

from setwise.layers.attention import (
    InducedSetAttentionBlock,
    MultiheadAttentionBlock,
    PoolingByAttention,
    SetAttentionBlock,
)
from setwise.layers.decoder import MLPDecoder
from setwise.layers.element_encoders import CategoryEncoder, ImageEncoder
from setwise.layers.elementwise import Elementwise
from setwise.layers.normalisation import FeatureNorm, LayerNorm, Normalisation, SetNorm
from setwise.layers.pooling import Pooling
from setwise.layers.residual import FeedForwardBlock, ResidualBlock

__all__ = [
    "Normalisation",
    "SetNorm",
    "LayerNorm",
    "FeatureNorm",
    "FeedForwardBlock",
    "ResidualBlock",
    "MultiheadAttentionBlock",
    "SetAttentionBlock",
    "InducedSetAttentionBlock",
    "PoolingByAttention",
    "Pooling",
    "Elementwise",
    "CategoryEncoder",
    "ImageEncoder",
    "MLPDecoder",
]
