"""Build and fit ensembles of trees on summaries of sets."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from setwise._checks import InputError
from setwise.models.family import Examples, Loss
from setwise.models.summary_model import Lesson, SummaryModel, fit_heads
from setwise.models.tree_ensemble import TreeEnsemble
from setwise.models.trees import TreesSpec

_MOST_TRIED = 100  # columns at a question whose thresholds are drawn, of classes, unless their root is more
_WEIGHTED_LEAF = 2  # sets in a leaf at least, where classes have weights: leaves of one set know none
_WIDE = 500  # columns of which a tree of numbers looks at all at each question, since few of them say much


def trees(spec: TreesSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> SummaryModel:
    """Build a model whose trees are still to be loaded."""
    return SummaryModel(spec, [TreeEnsemble(device=device, dtype=dtype) for _ in spec.heads])


def fit(spec: TreesSpec, examples: Examples, loss: Loss, *, seed: int) -> SummaryModel:
    """Fit trees to the summaries of the training sets.

    A leaf of few sets says that other classes cannot be, which a few of the training sets' shares mend.

    Raises:
        InputError: a time to an event.

    Source: Geurts, Ernst, Wehenkel 2006, Extremely randomized trees, Machine Learning 63; Breiman 2001, Random
    forests, Machine Learning 45.
    """
    return fit_heads(spec, examples, loss, lambda lesson: _ensemble(spec, lesson), seed=seed)


def _ensemble(spec: TreesSpec, lesson: Lesson) -> tuple[nn.Module, str]:
    """Fit a forest; return it with the link that it needs."""
    from sklearn import ensemble

    kind = lesson.head.kind
    if kind == "time":
        raise InputError("trees do not learn a time to an event. Choose another model (--model deep-sets++).")
    name = {"random": "ExtraTrees", "best": "RandomForest"}[spec.splits]
    name += "Regressor" if kind == "number" else "Classifier"
    forest: Any = getattr(ensemble, name)(
        n_estimators=spec.trees,
        min_samples_leaf=spec.leaf if lesson.head.weights is None else max(spec.leaf, _WEIGHTED_LEAF),
        max_features=_tried(spec, kind, lesson.x.shape[1]),
        random_state=lesson.seed,
        n_jobs=1,
    )
    x = lesson.x.astype(np.float32)
    if kind == "number":
        forest.fit(x, lesson.y, sample_weight=lesson.weights)
        return TreeEnsemble.of(*_taken(forest, lambda tree: tree.value[:, 0])), kind
    forest.fit(x, lesson.y.astype(np.int64), sample_weight=lesson.weights)
    seen = forest.classes_  # a member may have seen none of some class

    prior = np.bincount(lesson.y.astype(np.int64), lesson.weights, minlength=lesson.classes)
    prior = spec.smoothing * prior / prior.sum()

    def shares(tree: Any) -> np.ndarray:
        own = tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)
        every = np.zeros((len(own), lesson.classes))
        every[:, seen] = own
        count = tree.n_node_samples[:, None]
        return (count * every + prior) / (count + spec.smoothing)

    return TreeEnsemble.of(*_taken(forest, shares)), kind


def _tried(spec: TreesSpec, kind: str, columns: int) -> int:
    """Return how many columns are tried at a question."""
    root, third = math.isqrt(columns), columns // 3
    if kind == "number":
        return min(columns, max(_WIDE, third))
    return max(root, min(third, _MOST_TRIED)) if (spec.splits, spec.columns) == ("random", "many") else root


def _taken(forest: Any, value: Callable[[Any], np.ndarray]) -> tuple[list[Any], list[np.ndarray]]:
    """Return the trees of a forest, and what their nodes say."""
    found = [one.tree_ for one in forest.estimators_]
    return found, [value(tree) for tree in found]
