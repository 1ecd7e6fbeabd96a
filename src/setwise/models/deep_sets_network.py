"""Build Deep Sets: linear layers on each element, with or without residuals, a pooling and a decoder."""

import torch
from torch import nn

from setwise.layers import Elementwise, FeedForwardBlock, MLPDecoder, ResidualBlock, make_norm, make_pooling
from setwise.models.deep_sets import DeepSetsSpec
from setwise.models.element_model import ElementModel, element_head
from setwise.models.elements import element_encoder
from setwise.models.model import SetModel


def deep_sets(
    spec: DeepSetsSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> SetModel | ElementModel:
    """Build a Deep Sets model.

    Without residuals: ``depth + 1`` blocks ReLU(norm(linear)), then linear. With residuals: linear, ``depth / 2``
    residual blocks, then norm, ReLU, linear on the clean path with equivariant residuals, and linear alone otherwise.
    Linear layers have a bias exactly when there is no norm; the last always has one. Then pooling and a decoder of
    four linear layers. With outputs per element, one linear layer, and without norm, ReLU, linear before it.

    Source: Zaheer et al. 2017, arXiv 1703.06114; Zhang et al. 2022, arXiv 2206.11925, section 5 and appendix.
    """
    layers, in_features = element_encoder(spec, spec.width, device=device, dtype=dtype)
    width, norm = spec.width, spec.norm
    if spec.path is None:
        for features in (in_features, *[width] * spec.depth):
            layers.append(FeedForwardBlock(features, width, norm=norm, device=device, dtype=dtype))
    else:
        layers.append(Elementwise(nn.Linear(in_features, width, bias=norm == "none", device=device, dtype=dtype)))
        layers += [
            ResidualBlock(width, norm=norm, residual=spec.residual, path=spec.path, device=device, dtype=dtype)
            for _ in range(spec.depth // 2)
        ]
        if spec.path == "clean" and spec.residual == "equivariant":
            if spec.output != "sets":
                return ElementModel(spec, nn.Sequential(*layers), element_head(spec, width, device=device, dtype=dtype))
            layers += [make_norm(norm, width, device=device, dtype=dtype), Elementwise(nn.ReLU())]
    layers.append(Elementwise(nn.Linear(width, width, device=device, dtype=dtype)))
    if spec.pool is None:
        return ElementModel(spec, nn.Sequential(*layers), element_head(spec, width, device=device, dtype=dtype))
    pooling = make_pooling(spec.pool, width, device=device, dtype=dtype)
    decoder = MLPDecoder(width, spec.out_features, covariates=spec.covariates, device=device, dtype=dtype)
    return SetModel(spec, nn.Sequential(*layers), pooling, decoder)
