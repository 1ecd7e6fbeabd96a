"""Build Set Transformers: attention through inducing points, pooling by attention, and a decoder of attention."""

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.layers import Elementwise, InducedSetAttentionBlock, PoolingByAttention, SetAttentionBlock, make_norm
from setwise.models.element_model import ElementModel, element_head
from setwise.models.elements import element_encoder
from setwise.models.model import SetModel
from setwise.models.set_transformer import SetTransformerSpec

_DECODER_BLOCKS = 3


def set_transformer(
    spec: SetTransformerSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> SetModel | ElementModel:
    """Build a Set Transformer: ``depth`` ISABs, pooling by attention with one seed, three SABs, linear.

    On the clean path a linear layer comes first and a norm after the last ISAB. There is no norm in the decoder; its
    residuals are equivariant, on the path of the encoder. With outputs per element, one linear layer follows the
    encoder.

    Source: Lee et al. 2019, arXiv 1810.00825; Zhang et al. 2022, arXiv 2206.11925, section 5 and appendix.
    """
    layers, in_features = element_encoder(spec, spec.width, device=device, dtype=dtype)
    if spec.path == "clean":
        layers.append(Elementwise(nn.Linear(in_features, spec.width, device=device, dtype=dtype)))
        in_features = spec.width
    for _ in range(spec.depth):
        layers.append(
            InducedSetAttentionBlock(
                in_features,
                spec.width,
                heads=spec.heads,
                inducing=spec.inducing,
                norm=spec.norm,
                residual=spec.residual,
                path=spec.path,
                device=device,
                dtype=dtype,
            )
        )
        in_features = spec.width
    if spec.path == "clean":
        layers.append(make_norm(spec.norm, spec.width, device=device, dtype=dtype))
    if spec.output != "sets":
        return ElementModel(spec, nn.Sequential(*layers), element_head(spec, spec.width, device=device, dtype=dtype))
    pooling = PoolingByAttention(spec.width, heads=spec.heads, path=spec.path, device=device, dtype=dtype)
    return SetModel(spec, nn.Sequential(*layers), pooling, _AttentionDecoder(spec, device=device, dtype=dtype))


class _AttentionDecoder(nn.Module):
    """Add a linear image of the covariates to the pooled seed, then three SABs without a norm, then linear."""

    def __init__(self, spec: SetTransformerSpec, *, device: torch.device | None, dtype: torch.dtype | None):
        super().__init__()
        width = spec.width
        self.covariates = (
            nn.Linear(spec.covariates, width, bias=False, device=device, dtype=dtype) if spec.covariates else None
        )
        self.blocks = nn.Sequential(
            *(
                SetAttentionBlock(
                    width, width, heads=spec.heads, norm="none", path=spec.path, device=device, dtype=dtype
                )
                for _ in range(_DECODER_BLOCKS)
            )
        )
        self.linear = nn.Linear(width, spec.out_features, device=device, dtype=dtype)

    def forward(self, pooled: SetBatch, covariates: Tensor | None = None) -> Tensor:
        if self.covariates is not None:
            assert covariates is not None
            pooled = pooled.with_elements(pooled.elements + self.covariates(covariates))
        return self.linear(self.blocks(pooled).elements)
