"""Blocks of Deep Sets: linear-norm-ReLU without a residual, and residual blocks on a clean or non-clean path."""

from typing import TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_choice, check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.layers.normalisation import SetNorm, make_norm
from setwise.ops import set_max, set_mean, set_norm_block, set_sum, to_elements
from setwise.ops.set_norm import norm_kernels_serve

RESIDUALS = ("none", "equivariant", "mean", "max")
PATHS = ("clean", "non-clean")
_Kind = TypeVar("_Kind", bound=nn.Module)


class FeedForwardBlock(nn.Module):
    """A block of Deep Sets without a residual: ReLU(norm(linear(x))); equivariant.

    Shapes: elements ``(N, in_features)`` to ``(N, width)``, same layout.

    Args:
        in_features: features of an element.
        width: W, features of the result.
        norm: "none", "set", "layer" or "feature". The linear layer has a bias exactly when there is no norm.

    Source: Zaheer et al. 2017, arXiv 1703.06114; norms and bias as in Zhang et al. 2022, arXiv 2206.11925.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        norm: str = "set",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(in_features=in_features, width=width)
        super().__init__()
        self.linear = nn.Linear(in_features, width, bias=norm == "none", device=device, dtype=dtype)
        self.norm = make_norm(norm, width, device=device, dtype=dtype)

    def forward(self, batch: SetBatch) -> SetBatch:
        h = self.norm(batch.with_elements(self.linear(batch.elements)))
        return h.with_elements(h.elements.relu())


class ResidualBlock(nn.Module):
    """A residual block of two linear layers; equivariant.

    Clean path: r(x) + linear2(ReLU(norm2(linear1(ReLU(norm1(x)))))). Non-clean path:
    ReLU(x + norm2(linear2(ReLU(norm1(linear1(x)))))). r(x) is x itself (equivariant residual connection) or the mean
    or the maximum of the set (aggregated residual connection).

    Shapes: elements ``(N, width)`` to the same.

    Args:
        width: W.
        norm: "none", "set", "layer" or "feature". The linear layers have a bias exactly when there is no norm.
        residual: "equivariant", "mean", "max", or "sum" (clean path only; explodes with depth, kept to show it).
        path: "clean" or "non-clean"; aggregated residuals are defined on the clean path alone.

    Raises:
        InputError: a combination that the paper does not define.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 5; clean path after He et al. 2016, arXiv 1603.05027.
    """

    def __init__(
        self,
        width: int,
        *,
        norm: str = "set",
        residual: str = "equivariant",
        path: str = "clean",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        check_positive(width=width)
        check_residual(residual, path)
        super().__init__()
        self.residual, self.path = residual, path
        bias = norm == "none"
        self.norm1 = make_norm(norm, width, device=device, dtype=dtype)
        self.linear1 = nn.Linear(width, width, bias=bias, device=device, dtype=dtype)
        self.norm2 = make_norm(norm, width, device=device, dtype=dtype)
        self.linear2 = nn.Linear(width, width, bias=bias, device=device, dtype=dtype)

    def forward(self, batch: SetBatch) -> SetBatch:
        x = batch.elements
        fused = self._fused(x, batch.layout)
        if fused is not None:
            return batch.with_elements(fused)
        if self.path == "non-clean":
            h = self.norm1(batch.with_elements(self.linear1(x))).elements.relu()
            h = self.norm2(batch.with_elements(self.linear2(h))).elements
            return batch.with_elements((x + h).relu())
        h = self.linear1(self.norm1(batch).elements.relu())
        h = self.linear2(self.norm2(batch.with_elements(h)).elements.relu())
        return batch.with_elements(residual_term(x, batch.layout, self.residual) + h)

    def _fused(self, x: Tensor, layout: SetLayout) -> Tensor | None:
        """The block of Deep Sets++ by one operator, where the kernels serve and its parts are plain; else none."""
        norm1, linear1, norm2, linear2 = self.norm1, self.linear1, self.norm2, self.linear2
        if self.path != "clean" or self.residual != "equivariant" or not norm_kernels_serve(x, layout):
            return None
        if not (isinstance(norm1, SetNorm) and isinstance(norm2, SetNorm) and norm1.eps == norm2.eps):
            return None
        if not all(map(is_plain, (norm1, linear1, norm2, linear2), (SetNorm, nn.Linear, SetNorm, nn.Linear))):
            return None
        if not linear1.bias is linear2.bias is None:
            return None
        norms = (norm1.weight, norm1.bias, norm2.weight, norm2.bias)
        return set_norm_block(x, layout, norms, (linear1.weight, linear2.weight), eps=norm1.eps)

    def extra_repr(self) -> str:
        return f"residual={self.residual!r}, path={self.path!r}"


def is_plain(part: nn.Module, kind: type[_Kind]) -> TypeGuard[_Kind]:
    """Whether a part of a block is of this very class and nobody listens to it, so that it need not be called."""
    return type(part) is kind and not any(
        (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks)
    )


def check_residual(residual: str, path: str | None) -> None:
    """Refuse residuals and paths that the paper does not define for a residual block."""
    check_choice("residual", residual, ("equivariant", "mean", "max", "sum"))
    check_choice("path", path, PATHS)
    if path == "non-clean" and residual != "equivariant":
        raise InputError(
            f"aggregated residuals are defined on the clean path alone; got residual={residual!r} with "
            "path='non-clean'. Use path='clean', or residual='equivariant'."
        )


def residual_term(x: Tensor, layout: SetLayout, residual: str) -> Tensor:
    """What a residual connection adds, ``(N, W)``: each element itself, or what its set aggregates to."""
    if residual == "equivariant":
        return x
    pool = {"mean": set_mean, "max": set_max, "sum": set_sum}[residual]
    return to_elements(pool(x, layout), layout)
