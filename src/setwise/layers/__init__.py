"""Layers: a `SetBatch` in; a `SetBatch` out where they are equivariant, a tensor ``(B, ...)`` where invariant."""

from setwise.layers.category_encoder import CategoryEncoder
from setwise.layers.decoder import MLPDecoder
from setwise.layers.elementwise import Elementwise
from setwise.layers.feed_forward_block import FeedForwardBlock
from setwise.layers.image_encoder import ImageEncoder
from setwise.layers.induced_set_attention_block import InducedSetAttentionBlock
from setwise.layers.moments import Moments
from setwise.layers.multihead_attention_block import MultiheadAttentionBlock
from setwise.layers.norms.feature_norm import FeatureNorm
from setwise.layers.norms.layer_norm import LayerNorm
from setwise.layers.norms.make import make_norm
from setwise.layers.norms.normalisation import Normalisation
from setwise.layers.norms.set_norm import SetNorm
from setwise.layers.poolings.attention import PoolingByAttention
from setwise.layers.poolings.make import make_pooling
from setwise.layers.poolings.pooling import Pooling
from setwise.layers.residual_block import ResidualBlock
from setwise.layers.set_attention_block import SetAttentionBlock
from setwise.layers.summaries.codebook import Codebook
from setwise.layers.summaries.correlations import Correlations
from setwise.layers.summaries.fisher_vector import FisherVector
from setwise.layers.summaries.fourier_embedding import FourierEmbedding
from setwise.layers.summaries.sliced_quantiles import SlicedQuantiles

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
    "Moments",
    "Codebook",
    "FourierEmbedding",
    "FisherVector",
    "SlicedQuantiles",
    "Correlations",
    "Elementwise",
    "CategoryEncoder",
    "ImageEncoder",
    "MLPDecoder",
    "make_norm",
    "make_pooling",
]
