"""Build PointNets: shared layers on each element, T-Nets, and the maximum."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.layers import FeedForwardBlock, Pooling, penalties
from setwise.layers.layer import SetLayer
from setwise.models.element_model import ElementModel, element_head
from setwise.models.elements import element_encoder
from setwise.models.model import SetModel
from setwise.models.pointnet import PointNetSpec
from setwise.ops import set_product, to_elements
from setwise.ops.reduce import widened
from setwise.streaming.rows import Rows


def pointnet(
    spec: PointNetSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> SetModel | ElementModel:
    """Build a PointNet: T-Net, layers of W and W, T-Net, layers of W, 2 W and 16 W, the maximum, a decoder.

    Layers are linear, norm, ReLU, shared by the elements; the decoder has layers of 8 W and 4 W features, and the
    covariates enter it. With outputs per element, the maximum is put beside what each element was after the second
    T-Net, and layers of 8 W, 4 W and 2 W features follow. With W = 64 these are the paper's numbers.

    Source: Qi, Su, Mo, Guibas 2017, arXiv 1612.00593, section 4 and appendix C.
    Differs from the paper: a norm of `setwise.variants.NORMS` stands for batch norm, set norm by default, so that the
    output for a set does not depend on its companions (norm="feature" is batch norm over the elements), and there is
    none after the maximum; there is no dropout, so that a set has one output in training too; the penalty is the mean
    of the sets.
    """
    layers, features = element_encoder(spec, spec.width, device=device, dtype=dtype)
    width, norm = spec.width, spec.norm

    def shared(*widths: int) -> list[nn.Module]:
        return [
            FeedForwardBlock(before, after, norm=norm, device=device, dtype=dtype) for before, after in pairwise(widths)
        ]

    def transform(features: int, penalty: float = 0.0) -> TNet:
        return TNet(features, width, norm=norm, penalty=penalty, device=device, dtype=dtype)

    if spec.transforms in ("both", "input") and spec.elements == "vectors":
        layers.append(transform(features))
    layers += shared(features, width, width)
    if spec.transforms in ("both", "feature"):
        layers.append(transform(width, spec.orthogonality))
    whole = shared(width, width, 2 * width, 16 * width)
    if spec.output != "sets":
        layers += [_BesideMaximum(whole), *shared(17 * width, 8 * width, 4 * width, 2 * width)]
        return ElementModel(spec, nn.Sequential(*layers), element_head(spec, 2 * width, device=device, dtype=dtype))
    decoder = _Decoder(spec, device=device, dtype=dtype)
    return SetModel(spec, nn.Sequential(*layers, *whole), Pooling("max"), decoder)


class TNet(SetLayer):
    """Multiply each element by a matrix that the set decides: x T(S); equivariant.

    T(S) = I + linear(ReLU(linear(ReLU(linear(max over the elements of h))))), h three shared layers of W, 2 W and 16 W
    features; the linear layers have 8 W, 4 W and D * D. The last starts at zero, so that T(S) starts at the identity.
    In training, penalty * ||I - T T'||^2 (Frobenius, mean over the sets) is added to the loss.

    Shapes: elements ``(N, features)`` to the same.

    Args:
        features: D.
        width: W.
        norm: a word of `setwise.variants.NORMS`, of the shared layers.
        penalty: weight of the penalty, dimensionless; 0 for none.

    Source: Qi, Su, Mo, Guibas 2017, arXiv 1612.00593, section 4.2, equation 2, and appendix C.
    """

    def __init__(
        self,
        features: int,
        width: int,
        *,
        norm: str = "set",
        penalty: float = 0.0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.features, self.penalty = features, penalty
        widths = (features, width, 2 * width, 16 * width)
        self.shared = nn.Sequential(
            *(
                FeedForwardBlock(before, after, norm=norm, device=device, dtype=dtype)
                for before, after in pairwise(widths)
            )
        )
        self.pooling = Pooling("max")
        self.decoder = nn.Sequential(
            nn.Linear(16 * width, 8 * width, device=device, dtype=dtype),
            nn.ReLU(),
            nn.Linear(8 * width, 4 * width, device=device, dtype=dtype),
            nn.ReLU(),
            nn.Linear(4 * width, features**2, device=device, dtype=dtype),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the last linear layer to zero, so that the transform is the identity."""
        last = self.decoder[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, batch: SetBatch) -> SetBatch:
        transforms = self._of(self.pooling(self.shared(batch)))
        if self.training and self.penalty:
            penalties.add(lambda: self.penalty * distance_from_orthogonal(transforms))
        return batch.with_elements(set_product(batch.elements, batch.layout, transforms))

    def _of(self, pooled: Tensor) -> Tensor:
        """Return the transforms ``(B, D, D)`` of pooled sets ``(B, 16 W)``, in float32 at least."""
        transforms = widened(self.decoder(pooled)).view(-1, self.features, self.features)
        return transforms + torch.eye(self.features, device=pooled.device, dtype=transforms.dtype)

    def stream(self, rows: Rows) -> Rows:
        rows = rows.kept()
        pooled = self.pooling.stream(_anew(self.shared, rows))
        transform = self._of(pooled)[0]
        return rows.map(lambda x: (widened(x) @ transform).to(x.dtype))

    def ties(self) -> tuple[str, ...]:
        return ("a T-Net, whose transform the whole set decides",)

    def extra_repr(self) -> str:
        return f"{self.features}, penalty={self.penalty}"


def distance_from_orthogonal(transforms: Tensor) -> Tensor:
    """Return ||I - T T'||^2, the mean over matrices ``(B, D, D)``."""
    identity = torch.eye(transforms.shape[-1], device=transforms.device, dtype=transforms.dtype)
    return (identity - transforms @ transforms.transpose(1, 2)).square().sum((1, 2)).mean()


class _BesideMaximum(SetLayer):
    """Put the maximum of the set, after some layers, beside each element: ``(N, W)`` to ``(N, 17 W)``; equivariant."""

    def __init__(self, shared: list[nn.Module]):
        super().__init__()
        self.shared, self.pooling = nn.Sequential(*shared), Pooling("max")

    def forward(self, batch: SetBatch) -> SetBatch:
        whole = to_elements(self.pooling(self.shared(batch)), batch.layout)
        return batch.with_elements(torch.cat([batch.elements, whole], 1))

    def stream(self, rows: Rows) -> Rows:
        rows = rows.kept()
        whole = self.pooling.stream(_anew(self.shared, rows))
        return rows.map(lambda x: torch.cat([x, whole.expand(len(x), -1)], 1))

    def ties(self) -> tuple[str, ...]:
        return ("the maximum of the set",)


class _Decoder(nn.Module):
    """Two times (linear, ReLU), then linear, on the maximum and the covariates of the set."""

    def __init__(self, spec: PointNetSpec, *, device: torch.device | None, dtype: torch.dtype | None):
        super().__init__()
        width = spec.width
        self.layers = nn.Sequential(
            nn.Linear(16 * width + spec.covariates, 8 * width, device=device, dtype=dtype),
            nn.ReLU(),
            nn.Linear(8 * width, 4 * width, device=device, dtype=dtype),
            nn.ReLU(),
            nn.Linear(4 * width, spec.out_features, device=device, dtype=dtype),
        )

    def forward(self, pooled: Tensor, covariates: Tensor | None = None) -> Tensor:
        return self.layers(pooled if covariates is None else torch.cat([pooled, covariates], 1))


def _anew(shared: nn.Sequential, rows: Rows) -> Rows:
    """Apply shared layers to rows that are still needed, so that nothing is stored in their place."""
    for block in shared:
        assert isinstance(block, FeedForwardBlock)
        hidden = rows.map(block.linear)
        norm = block.norm.on_rows(hidden)
        rows = hidden.map(lambda x, norm=norm: norm(x).relu())
    return rows
