"""Set parallel: every set sharded over several processes, with the outputs and gradients of one process.

Each process holds some elements of every set. Layers that treat elements by themselves need nothing; norms, residuals
and poolings add up what the processes hold, a few numbers per set, and attention pooling merges its softmax.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from setwise._checks import InputError, check_finite
from setwise.batch import SetBatch, SetLayout


@dataclass(eq=False)
class ShardedLayout(SetLayout):
    """The layout of the elements that this process holds of sets that are sharded over a group of processes.

    Attributes:
        sizes: ``(B,)`` elements of each set in all processes together; offsets and set_index are of this process's own.
        set_size: none.
        total_elements: in all processes together, a host value.
        group: the processes, or none for all.
    """

    total_elements: int = 0
    group: dist.ProcessGroup | None = None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "ShardedLayout":
        """Return the same layout on another device."""
        moved = super().to(device, non_blocking)
        return replace(self, sizes=moved.sizes, offsets=moved.offsets, set_index=moved.set_index)

    def pin_memory(self) -> "ShardedLayout":
        """Return the same layout in page-locked memory."""
        pinned = super().pin_memory()
        return replace(self, sizes=pinned.sizes, offsets=pinned.offsets, set_index=pinned.set_index)


def shard(
    elements: Tensor,
    sizes: Tensor | Sequence[int],
    covariates: Tensor | None = None,
    *,
    group: dist.ProcessGroup | None = None,
) -> SetBatch:
    """Make a batch of sets of which every process of the group holds some elements; all of them call it together.

    Args:
        elements: ``(N, ...)`` this process's elements of all sets, one set after the other.
        sizes: ``(B,)`` how many of them belong to each set; zero where it holds none.
        covariates: ``(B, C)``, the same in all processes, or none.
        group: the processes, or none for all.

    Raises:
        InputError: sizes that do not add up, another number of sets than in other processes, a set without elements in
            any process, or NaN and infinity.
    """
    own = torch.as_tensor(sizes, dtype=torch.int64)
    if own.dim() != 1 or bool((own < 0).any()) or int(own.sum()) != len(elements):
        raise InputError(
            f"sizes must be whole numbers of at least zero that add up to the {len(elements)} elements of this "
            f"process; got {own.tolist()}."
        )
    counts = own.new_tensor([len(own), -len(own)])
    dist.all_reduce(counts, dist.ReduceOp.MAX, group=group)
    if counts[0] != -counts[1]:
        raise InputError(f"all processes must hold the same number of sets; got {-counts[1]} to {counts[0]}.")
    total = own.clone()
    dist.all_reduce(total, group=group)
    if bool((total < 1).any()):
        raise InputError(f"every set must have at least one element; set {int((total < 1).nonzero()[0])} has none.")
    check_finite(elements, own)
    layout = SetLayout.from_sizes(own).to(elements.device)
    sharded = ShardedLayout(total.to(elements.device), layout.offsets, layout.set_index, None, int(total.sum()), group)
    return SetBatch(elements, sharded, covariates)


def share(batch: SetBatch, *, group: dist.ProcessGroup | None = None) -> SetBatch:
    """Return this process's part of a batch that every process of the group has: an equal share of each set.

    Args:
        batch: the whole sets.
        group: the processes, or none for all.
    """
    rank, processes = dist.get_rank(group), dist.get_world_size(group)
    bounds = [batch.sizes * r // processes for r in (rank, rank + 1)]
    parts = [x[start:stop] for x, start, stop in zip(batch.to_list(), *(b.tolist() for b in bounds), strict=True)]
    return shard(torch.cat(parts), (bounds[1] - bounds[0]).cpu(), batch.covariates, group=group)


class SetParallel(nn.Module):
    """A model on sets that are sharded over processes; every process has its own copy, with the same weights.

    The output is the same in all processes, and so must be the loss that they compute of it. After ``backward`` the
    gradients of this process's elements are whole; those of the parameters are once `reduce_gradients` was called.

    Shapes: a batch of `shard` or `share` to what the model gives.

    Args:
        model: maps a `SetBatch` to a tensor ``(B, ...)``.
        group: the processes, or none for all.
    """

    def __init__(self, model: nn.Module, *, group: dist.ProcessGroup | None = None):
        super().__init__()
        self.model, self.group = model, group

    def forward(self, batch: SetBatch) -> Tensor:
        if not isinstance(batch.layout, ShardedLayout):
            raise InputError("the sets must be sharded over the processes. Use setwise.parallel.shard or share.")
        # Each process counts an equal part of the loss, and the sum over processes is the loss.
        return _PartOfLoss.apply(self.model(batch), dist.get_world_size(self.group))  # type: ignore[return-value]

    def reduce_gradients(self) -> None:
        """Add up the gradients of the parameters over the processes; to be called by all, after ``backward``."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        if not gradients:
            return
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat, group=self.group)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


def total(x: Tensor, layout: SetLayout) -> Tensor:
    """Sum what each process holds, where the sets are sharded; else return ``x`` itself. Differentiable."""
    if not isinstance(layout, ShardedLayout):
        return x
    return _Sum.apply(x, layout.group)  # type: ignore[return-value]


def elements_everywhere(layout: SetLayout) -> int:
    """Return N, the elements of all sets in all processes that share them."""
    return layout.total_elements if isinstance(layout, ShardedLayout) else layout.num_elements


def largest(x: Tensor, layout: ShardedLayout) -> Tensor:
    """Return the maximum over the processes, number by number; without gradients."""
    x = x.detach().clone()
    dist.all_reduce(x, dist.ReduceOp.MAX, group=layout.group)
    return x


class _Sum(torch.autograd.Function):
    """The sum over processes; every process uses it, so its gradient is the sum of all their gradients."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        x = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(x, group=group)
        return x

    @staticmethod
    def backward(ctx, *grad_outputs):
        grad = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad, group=ctx.group)
        return grad, None


class _PartOfLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, processes):
        ctx.processes = processes
        return x.view_as(x)

    @staticmethod
    def backward(ctx, *grad_outputs):
        return grad_outputs[0] / ctx.processes, None
