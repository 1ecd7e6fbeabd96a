"""The encoder of elements that are images."""

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_positive
from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer, rowwise
from setwise.streaming.rows import Rows


class ImageEncoder(SetLayer):
    """A small convolutional network on each image: nine 3x3 convolutions, 256 features; equivariant.

    Convolutions of 32, 32, 64, (pool 2), 64, 64, 128, (pool 2), 128, 128, 256 channels, stride 1, without activations,
    then the maximum over what is left, 5x5 for images of 64x64.

    Shapes: elements ``(N, channels, height, width)`` to ``(N, 256)``, same layout.

    Args:
        channels: of the images.
        padding: pixels around each convolution. 0 as in the paper needs images of 46x46 or more; 1 serves images of
            4x4 or more.

    Source: Zhang et al. 2022, arXiv 2206.11925, the CelebA encoder, without activations as in the authors' code.
    Differs from the paper: the last pooling covers whatever is left, so that other sizes than 64x64 work.
    """

    out_features = 256

    def __init__(
        self,
        channels: int = 3,
        *,
        padding: int = 0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(channels=channels)
        if padding not in (0, 1):
            raise InputError(f"padding must be 0 or 1; got {padding}.")
        super().__init__()
        self.smallest = 4 if padding else 46
        layers: list[nn.Module] = []
        for stage in ((32, 32, 64), (64, 64, 128), (128, 128, self.out_features)):
            for out in stage:
                layers.append(nn.Conv2d(channels, out, 3, padding=padding, device=device, dtype=dtype))
                channels = out
            layers.append(nn.AdaptiveMaxPool2d(1) if channels == self.out_features else nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers, nn.Flatten())

    def forward(self, batch: SetBatch) -> SetBatch:
        images: Tensor = batch.elements
        if images.dim() != 4 or min(images.shape[2:]) < self.smallest:
            raise InputError(
                f"image elements must have shape (N, channels, height, width) with at least {self.smallest} pixels a "
                f"side; got {tuple(images.shape)}. Smaller images need padding=1."
            )
        return batch.with_elements(self.layers(images))

    def stream(self, rows: Rows) -> Rows:
        return rows.map(rowwise(self))

    def ties(self) -> tuple[str, ...]:
        return ()
