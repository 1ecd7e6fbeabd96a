"""Encode elements that are no vectors before a model's encoder."""

import torch
from torch import nn

from setwise.layers import CategoryEncoder, ImageEncoder
from setwise.models.spec import Spec


def element_encoder(
    spec: Spec, width: int, *, device: torch.device | None, dtype: torch.dtype | None
) -> tuple[list[nn.Module], int]:
    """Return the layers that come before the encoder, and how many features the encoder takes in.

    Of a model with outputs per element, the covariates of the set are features of each element.

    Args:
        spec: of the model.
        width: features that categories become.
    """
    if spec.elements == "categories":
        assert spec.categories is not None
        return [CategoryEncoder(spec.categories, width, device=device, dtype=dtype)], width
    if spec.elements == "images":
        return [ImageEncoder(spec.in_features, device=device, dtype=dtype)], ImageEncoder.out_features
    return [], spec.in_features + (spec.covariates if spec.output != "sets" else 0)
