"""Join several networks of one specification to one, whose operators compute all of them at once."""

import copy
import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch, rows_of
from setwise.layers.norms.set_norm import SetNorm
from setwise.ops.standardise import standardise


class JointModel(nn.Module):
    """Several networks of one specification as one; equivariant or invariant as they are.

    A batch holds as many sets, and as many elements, for each network, one network after the other: the batch of the
    first M-th part is for the first network. Layers without weights see them all as sets of one batch.

    Shapes: M times B sets with M times N elements to ``(M * B, K)``.

    Args:
        template: a network whose layers with weights stand for those of all.
        members: M, how many there are.
    """

    def __init__(self, template: nn.Module, members: int):
        super().__init__()
        self.template, self.members = template, members

    @classmethod
    def of(cls, networks: Sequence[nn.Module]) -> Self | None:
        """Join networks; none where they have a layer that cannot be joined."""
        template = copy.deepcopy(networks[0])
        for name, module in list(template.named_modules()):
            if not module._parameters and not module._buffers:
                continue
            same = [network.get_submodule(name) for network in networks]
            joined = _joined(same)
            if joined is None or not name:
                return None
            parent, _, last = name.rpartition(".")
            setattr(template.get_submodule(parent), last, joined)
        return cls(template, len(networks))

    def forward(self, batch: SetBatch) -> Tensor:
        return rows_of(self.template(batch))

    @torch.no_grad()
    def clip_gradients(self, most: float) -> Tensor:
        """Scale the gradient of each network to a Euclidean norm of at most so much; return the largest norm."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        norms = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()  # (M,)
        if math.isfinite(most):
            factors = (most / (norms + 1e-6)).clamp_max(1.0)
            for gradient in gradients:
                gradient.mul_(factors.view(-1, *[1] * (gradient.dim() - 1)))
        return norms.max()

    @torch.no_grad()
    def give_back(self, networks: Sequence[nn.Module]) -> None:
        """Copy the weights into the networks that were joined."""
        for name, joined in self.template.named_parameters():
            for network, weights in zip(networks, joined, strict=True):
                network.get_parameter(name).copy_(weights)


class JointLinear(nn.Module):
    """A linear layer of each network: rows ``(M * n, in)`` to ``(M * n, out)``."""

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = nn.Parameter(torch.stack(biases)) if biases else None

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(len(self.weight), -1, x.shape[1])
        weight = self.weight.transpose(1, 2)
        found = rows @ weight if self.bias is None else torch.baddbmm(self.bias[:, None], rows, weight)
        return found.flatten(0, 1)


class JointSetNorm(nn.Module):
    """Set norm with the scale and the shift of each network; equivariant."""

    def __init__(self, norms: Sequence[SetNorm]):
        super().__init__()
        self.eps = norms[0].eps
        self.weight = nn.Parameter(torch.stack([norm.weight.detach() for norm in norms]))
        self.bias = nn.Parameter(torch.stack([norm.bias.detach() for norm in norms]))

    def set_norm_numbers(self) -> None:
        """Return none: no operator computes the norms of several networks."""

    def forward(self, batch: SetBatch) -> SetBatch:
        x = standardise(batch.elements, batch.layout, statistics="B", eps=self.eps)
        x = x.view(len(self.weight), -1, x.shape[1])
        return batch.with_elements(torch.addcmul(self.bias[:, None], x, self.weight[:, None]).flatten(0, 1))


def _joined(modules: Sequence[nn.Module]) -> nn.Module | None:
    """Return the layer that stands for layers of one kind; none of a kind that cannot be joined."""
    kinds = {type(module) for module in modules}
    if kinds == {nn.Linear}:
        return JointLinear([module for module in modules if isinstance(module, nn.Linear)])
    if kinds == {SetNorm}:
        return JointSetNorm([module for module in modules if isinstance(module, SetNorm)])
    return None
