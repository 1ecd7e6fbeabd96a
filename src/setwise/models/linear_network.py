"""Build and fit linear models of summaries of sets."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from setwise.models.all_classes import for_all_classes
from setwise.models.bounds import Bounds
from setwise.models.cox import cox
from setwise.models.family import Examples, Loss
from setwise.models.linear import LinearSpec
from setwise.models.summary_model import Lesson, SummaryModel, fit_heads, scale_of

_PENALTIES = np.logspace(-2, 6, 17)  # of ridge regression, for standardised columns
_CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of logistic regression
_FOLDS = 3  # that choose among them


class Affine(nn.Module):
    """Map rows ``(B, P)`` to weight x + bias ``(B, V)``; the fit decides P and V."""

    def __init__(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        self.weight = UninitializedParameter(device=device, dtype=dtype)  # pyright: ignore[reportCallIssue] its __new__ takes them
        self.bias = UninitializedParameter(device=device, dtype=dtype)  # pyright: ignore[reportCallIssue] its __new__ takes them

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray) -> "Affine":
        """Take over fitted numbers ``(V, P)`` and ``(V,)``."""
        found = cls()
        found.weight, found.bias = (nn.Parameter(torch.from_numpy(np.ascontiguousarray(x))) for x in (weight, bias))
        return found

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


def linear(spec: LinearSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> SummaryModel:
    """Build a model whose weights are still to be loaded."""
    heads = []
    for kind, _ in spec.heads:
        bounds = None if spec.limit is None else Bounds(device=device, dtype=dtype)
        heads.append(_head(kind, bounds, Affine(device=device, dtype=dtype)))
    return SummaryModel(spec, heads)


def fit(spec: LinearSpec, examples: Examples, loss: Loss, *, seed: int) -> SummaryModel:
    """Fit ridge, logistic or Cox regression to summaries of the training sets: of numbers, classes, times to an event.

    The penalty is that with the least error of sets left out: each in its turn for numbers, else in three folds.
    """
    return fit_heads(spec, examples, loss, lambda lesson: _fitted(spec, lesson), seed=seed)


def _head(kind: str, bounds: Bounds | None, affine: Affine) -> nn.Module:
    parts = [*([] if bounds is None else [bounds]), affine, *([nn.Softmax(1)] if kind == "ranks" else [])]
    return nn.Sequential(*parts)


def _fitted(spec: LinearSpec, lesson: Lesson) -> tuple[nn.Module, str]:
    """Fit a head; return it with the link that it needs."""
    kind = lesson.head.kind
    centre, scale = scale_of(lesson.x)
    limit = np.inf if spec.limit is None else spec.limit
    x = ((lesson.x - centre) / scale).clip(-limit, limit)
    weight, bias = {"number": _ridge, "time": _cox}.get(kind, _logistic)(lesson, x)
    affine = Affine.of(weight / scale, bias - weight @ (centre / scale))
    bounds = None if spec.limit is None else Bounds.of(centre - limit * scale, centre + limit * scale)
    return _head(kind, bounds, affine), {"classes": "logits", "time": "number"}.get(kind, kind)


def _ridge(lesson: Lesson, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import RidgeCV

    with np.errstate(invalid="ignore", divide="ignore"):  # of two sets, leaving one out says nothing
        model: Any = RidgeCV(alphas=_PENALTIES).fit(x, lesson.y, sample_weight=lesson.weights)
    return model.coef_[None], np.array([model.intercept_])


def _cox(lesson: Lesson, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and bias of the risk, whose mean is zero; times of events not yet happened are below zero."""
    known = lesson.y != 0  # sets whose time is not known are in no risk set
    times, events = np.abs(lesson.y[known]), lesson.y[known] > 0
    weight = np.zeros(x.shape[1])
    if events.any():
        weight = cox(x[known], times, events, lesson.weights[known], seed=lesson.seed)
    return weight[None], -(x @ weight).mean(keepdims=True)


def _logistic(lesson: Lesson, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of the logits of all classes; of one that no row has, a constant."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    columns, basis = x.shape[1], None
    if columns > len(x):
        x, basis = _in_their_span(x)
    y = lesson.y.astype(np.int64)
    seen, counts = np.unique(y, return_counts=True)
    if len(seen) == 1:
        return for_all_classes(np.zeros((1, columns)), np.zeros(1), seen, lesson.classes)
    model: Any = LogisticRegression(C=1e-2, max_iter=300)
    folds = min(_FOLDS, int(counts.min()))
    if folds > 1:
        split = StratifiedKFold(folds, shuffle=True, random_state=lesson.seed)
        model = GridSearchCV(model, {"C": _CS}, scoring="neg_log_loss", cv=split)
    model.fit(x, y, sample_weight=lesson.weights)
    model = getattr(model, "best_estimator_", model)
    weight = model.coef_ if basis is None else model.coef_ @ basis
    return for_all_classes(weight, model.intercept_, seen, lesson.classes)


def _in_their_span(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows ``(n, P)`` as ``(n, n)`` in a basis ``(n, P)`` of theirs, for fewer rows than columns.

    A penalty on the sum of squared weights keeps weights within what rows span, so that the fit is the same.
    """
    left, length, basis = np.linalg.svd(x, full_matrices=False)
    return left * length, basis
