"""Feature norm: statistics per feature over the batch."""

import torch

from setwise.layers.norms.normalisation import Normalisation


class FeatureNorm(Normalisation):
    """Feature norm, L = {D}: statistics per feature over all elements of the batch; equivariant.

    It is batch norm with every element a sample. A set's output depends on its companions while batch statistics
    are used: in training always, in evaluation where ``running`` is false.

    Shapes: a `SetBatch` with elements ``(N, width)`` to one with the same layout.

    Args:
        width: D, number of features.
        running: use running statistics in evaluation (the paper's text); false uses the batch's own (the authors'
            masked variants).
        weighting: ``"element"`` weighs every element alike, ``"set"`` every set.
        momentum: weight of the newest batch in the running statistics, in (0, 1].
        eps: added to the variance.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167; in the framework of Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        width: int,
        *,
        running: bool = True,
        weighting: str = "element",
        momentum: float = 0.1,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(
            width,
            statistics="D",
            eps=eps,
            running=running,
            weighting=weighting,
            momentum=momentum,
            device=device,
            dtype=dtype,
        )


def feature_norm_by_element(
    width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> FeatureNorm:
    """Build a feature norm with the batch's own statistics, also in evaluation, every element weighed alike."""
    return FeatureNorm(width, running=False, weighting="element", device=device, dtype=dtype)


def feature_norm_by_set(
    width: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> FeatureNorm:
    """Build a feature norm with the batch's own statistics, also in evaluation, every set weighed alike."""
    return FeatureNorm(width, running=False, weighting="set", device=device, dtype=dtype)
