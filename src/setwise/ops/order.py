"""Order the elements within each set."""

import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.batch import SetLayout
from setwise.parallel import ShardedLayout


def sort_within_sets(x: Tensor, layout: SetLayout, *, descending: bool = False) -> Tensor:
    """Sort each feature over the elements of each set, ``(N, W)`` to ``(N, W)``; invariant.

    Equal values stay in the order of the elements, which decides whose gradient is whose.

    Raises:
        InputError: elements of a set lie in several processes.
    """
    if isinstance(layout, ShardedLayout):
        raise InputError(
            "elements that are sharded over processes cannot be sorted together. Use another pooling, or keep each set "
            "in one process."
        )
    if layout.set_size is not None:
        dense = x.reshape(layout.num_sets, layout.set_size, -1)
        return dense.sort(dim=1, descending=descending, stable=True).values.flatten(0, 1)
    order = _argsort(x.detach(), descending=descending)
    places = torch.arange(x.shape[0], device=x.device)[:, None]  # no two alike, whatever sorts them
    by_set = _argsort(layout.set_index[order] * x.shape[0] + places)
    return x.gather(0, order.gather(0, by_set))


def _argsort(x: Tensor, *, descending: bool = False) -> Tensor:
    """Sort along the first axis; stable but in an exported program, since ONNX has no sort that is."""
    if torch.compiler.is_exporting():
        return x.argsort(dim=0, descending=descending)
    return x.argsort(dim=0, descending=descending, stable=True)
