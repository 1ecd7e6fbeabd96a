"""Build and fit gradient boosting on summaries of sets."""

from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.models.all_classes import for_all_classes
from setwise.models.boosting import BoostingSpec
from setwise.models.family import Examples, Loss
from setwise.models.links import LEAST
from setwise.models.summary_model import Lesson, SummaryModel, fit_heads
from setwise.models.tree_ensemble import TreeEnsemble

_FOLDS = 3  # that choose the rounds
_UNCHOSEN = 60  # rounds where sets are too few to choose
_DRAWN = 0.7  # share of the training sets that a tree sees
_FEW = 10  # training sets below which it sees them all


def boosting(
    spec: BoostingSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> SummaryModel:
    """Build a model whose trees are still to be loaded."""
    return SummaryModel(spec, [TreeEnsemble(device=device, dtype=dtype) for _ in spec.heads])


def fit(spec: BoostingSpec, examples: Examples, loss: Loss, *, seed: int) -> SummaryModel:
    """Fit stochastic gradient boosting to the summaries of the training sets.

    As many rounds as predict sets best that were left out, in three folds.

    Raises:
        InputError: a time to an event.

    Source: Friedman 2001, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29; 2002,
    Stochastic gradient boosting.
    """
    return fit_heads(spec, examples, loss, lambda lesson: _fitted(spec, lesson), seed=seed)


def _fitted(spec: BoostingSpec, lesson: Lesson) -> tuple[TreeEnsemble, str]:
    """Fit a head; return it with the link that it needs."""
    kind = lesson.head.kind
    if kind == "time":
        raise InputError("boosting does not learn a time to an event. Choose a network (--model deep-sets++).")
    link = {"number": "number", "classes": "logits", "ranks": "rank-logits"}[kind]
    seen = np.zeros(0, np.int64) if kind == "number" else np.unique(lesson.y).astype(np.int64)
    if len(seen) == 1:
        return TreeEnsemble.constant(for_all_classes(np.zeros((1, 1)), np.zeros(1), seen, lesson.classes)[1]), link
    x = lesson.x.astype(np.float32)  # as trees compare
    model = _made(spec, lesson, _rounds(spec, lesson, x)).fit(x, lesson.y, sample_weight=lesson.weights)
    raw = model.predict if kind == "number" else model.decision_function
    grown = [[(column, one.tree_) for column, one in enumerate(each)] for each in model.estimators_]
    trees = [(column, tree) for each in grown for column, tree in each]
    first = np.atleast_1d(raw(x[:1]).squeeze(0))
    for column, tree in trees:
        first[column] -= spec.shrinkage * tree.predict(x[:1])[0, 0]
    every, base = np.eye(len(first)), first
    if kind != "number":
        every, base = for_all_classes(every, first, seen, lesson.classes)
    total = len(trees) * spec.shrinkage  # of trees that are averaged
    values = [total * tree.value[:, 0] * every[:, column] + base for column, tree in trees]
    return TreeEnsemble.of([tree for _, tree in trees], values), link


def _made(spec: BoostingSpec, lesson: Lesson, rounds: int) -> Any:
    from sklearn import ensemble

    name = "GradientBoostingRegressor" if lesson.head.kind == "number" else "GradientBoostingClassifier"
    return getattr(ensemble, name)(
        n_estimators=rounds,
        learning_rate=spec.shrinkage,
        max_depth=spec.depth,
        min_samples_leaf=spec.leaf,
        subsample=_DRAWN if len(lesson.y) >= _FEW else 1.0,
        max_features="sqrt",
        random_state=lesson.seed,
    )


def _rounds(spec: BoostingSpec, lesson: Lesson, x: np.ndarray) -> int:
    """Return how many rounds predict best what was left out."""
    from sklearn.model_selection import KFold, StratifiedKFold

    number, y = lesson.head.kind == "number", lesson.y
    fewest = len(y) if number else int(np.unique(y, return_counts=True)[1].min())
    if fewest < 2:
        return min(_UNCHOSEN, spec.rounds)
    kind = KFold if number else StratifiedKFold
    split = kind(min(_FOLDS, fewest), shuffle=True, random_state=lesson.seed)
    losses = np.zeros(spec.rounds)
    for rows, left in split.split(x, y):
        model = _made(spec, lesson, spec.rounds).fit(x[rows], y[rows], sample_weight=lesson.weights[rows])
        if number:
            errors = [(found - y[left]) ** 2 for found in model.staged_predict(x[left])]
        else:
            place = np.arange(len(left)), np.searchsorted(model.classes_, y[left])
            errors = [-np.log(np.maximum(found[place], LEAST)) for found in model.staged_predict_proba(x[left])]
        losses += np.stack(errors) @ lesson.weights[left]
    return int(losses.argmin()) + 1
