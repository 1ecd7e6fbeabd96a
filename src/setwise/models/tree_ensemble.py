"""Average decision trees that are kept as tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer

_TENSORS = ("feature", "threshold", "branches", "value", "roots", "levels")


class TreeEnsemble(nn.Module):
    """Average the leaves that T decision trees send each row to.

    A row goes to the left child of a node where x[feature] <= threshold, in float32, else to the right one; a leaf is
    its own child.

    Shapes: ``(B, P)`` to ``(B, V)``, V numbers of a leaf.

    Attributes:
        feature: ``(M,)`` of each of the M nodes of all trees, whole numbers; 0 of leaves.
        threshold: ``(M,)``.
        branches: ``(M, 2)`` positions of the left and the right child, whole numbers.
        value: ``(M, V)`` of leaves; zero of other nodes.
        roots: ``(T,)`` positions, whole numbers.
        levels: ``(L,)`` how many nodes are L steps below the roots, whole numbers; so many steps reach every leaf.
    """

    feature: Tensor
    threshold: Tensor
    branches: Tensor
    value: Tensor
    roots: Tensor
    levels: Tensor

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        for name in _TENSORS:
            kind = dtype if name in ("threshold", "value") else torch.int64
            self.register_buffer(name, UninitializedBuffer(device=device, dtype=kind))  # pyright: ignore[reportCallIssue] torch.Tensor.__new__ hides it

    @classmethod
    def of(cls, trees: Sequence[Any], values: Sequence[np.ndarray]) -> "TreeEnsemble":
        """Take over fitted trees.

        Args:
            trees: ``sklearn.tree._tree.Tree`` of each.
            values: ``(m, V)`` of the m nodes of each.
        """
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        feature, threshold, children, value, depths = [], [], [], [], []
        for start, tree, own in zip(starts, trees, values, strict=True):
            left, right = tree.children_left, tree.children_right
            leaf, own_place = left < 0, np.arange(len(left))
            pairs = np.stack([np.where(leaf, own_place, left), np.where(leaf, own_place, right)], 1)
            feature.append(np.where(leaf, 0, tree.feature))
            threshold.append(np.where(leaf, 0.0, tree.threshold))
            children.append(pairs + start)
            value.append(np.where(leaf[:, None], own, 0.0))
            depths.append(_depths(left, right))
        found = cls()
        levels = np.bincount(np.concatenate(depths))[1:]
        arrays = (np.concatenate(feature), _below(np.concatenate(threshold)), np.concatenate(children))
        arrays += (np.concatenate(value).astype(np.float32), starts, levels)
        for name, array in zip(_TENSORS, arrays, strict=True):
            setattr(found, name, torch.from_numpy(np.ascontiguousarray(array)))
        return found

    @classmethod
    def constant(cls, value: np.ndarray) -> "TreeEnsemble":
        """Return a tree without a question, which says the same ``(V,)`` of every row."""
        found, whole = cls(), np.zeros(1, np.int64)
        arrays = (whole, np.zeros(1, np.float32), np.zeros((1, 2), np.int64), value[None].astype(np.float32))
        for name, array in zip(_TENSORS, (*arrays, whole, whole[:0]), strict=True):
            setattr(found, name, torch.from_numpy(array))
        return found

    def forward(self, x: Tensor) -> Tensor:
        x, node = x.float(), self.roots.expand(x.shape[0], -1)
        for _ in range(len(self.levels)):
            right = x.gather(1, self.feature[node]) > self.threshold[node]
            node = self.branches[node, right.long()]
        return self.value[node].mean(1)

    def extra_repr(self) -> str:
        return "not fitted" if isinstance(self.roots, UninitializedBuffer) else f"trees={len(self.roots)}"


def _below(thresholds: np.ndarray) -> np.ndarray:
    """Round thresholds down to float32, so that a value in float32 is compared as with the threshold itself."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _depths(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the steps from the root to each node of a tree, whose children come after it."""
    depths = np.zeros(len(left), np.int64)
    for node in np.flatnonzero(left >= 0):
        depths[left[node]] = depths[right[node]] = depths[node] + 1
    return depths
