"""Variants by the words that name them: one line each, which says where the variant is written.

All that there is to know of a variant is in the file that its line names. Nothing is imported here, so that the command
line lists the words at once.
"""

from importlib import import_module
from typing import Any

#: Norms: made with the number of features.
NORMS = {
    "none": "setwise.layers.norms.no_norm:NoNorm",
    "set": "setwise.layers.norms.set_norm:SetNorm",
    "layer": "setwise.layers.norms.layer_norm:LayerNorm",
    "feature": "setwise.layers.norms.feature_norm:FeatureNorm",
    "feature-by-element": "setwise.layers.norms.feature_norm:feature_norm_by_element",
    "feature-by-set": "setwise.layers.norms.feature_norm:feature_norm_by_set",
    "rms-set": "setwise.layers.norms.rms_set_norm:RMSSetNorm",
}

#: Poolings without parameters, each feature by itself: made with nothing.
REDUCTIONS = {
    "sum": "setwise.layers.poolings.sum:Sum",
    "mean": "setwise.layers.poolings.mean:Mean",
    "max": "setwise.layers.poolings.max:Maximum",
    "std": "setwise.layers.poolings.std:StandardDeviation",
}

#: Poolings: those without parameters, and those that are made with the number of features.
POOLS = REDUCTIONS | {
    "attention": "setwise.layers.poolings.attention:attention_as_vector",
    "featurewise-sort": "setwise.layers.poolings.featurewise_sort:FeaturewiseSortPooling",
    "statistics": "setwise.layers.poolings.statistics:StatisticsPooling",
}

#: Summaries of sets: made with nothing, some fitted to the training sets.
SUMMARIES = {
    "moments": "setwise.layers.moments:Moments",
    "codebook": "setwise.layers.summaries.codebook:Codebook",
    "fourier": "setwise.layers.summaries.fourier_embedding:FourierEmbedding",
    "fisher": "setwise.layers.summaries.fisher_vector:FisherVector",
    "quantiles": "setwise.layers.summaries.sliced_quantiles:SlicedQuantiles",
    "correlations": "setwise.layers.summaries.correlations:Correlations",
}

#: Reductions by which a residual connection may aggregate a set; a sum explodes with depth, and is kept to show it.
AGGREGATED = ("mean", "max", "sum")
RESIDUALS = ("equivariant", *AGGREGATED)
PATHS = ("clean", "non-clean")


def find(place: str) -> Any:
    """Return what a line names: ``module:name``."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
