"""Build and fit kernel machines on summaries of sets."""

import itertools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError
from setwise.models.all_classes import for_all_classes
from setwise.models.family import Examples, Loss
from setwise.models.kernel import KernelSpec
from setwise.models.kernel_machine import MOST, KernelMachine
from setwise.models.summary_model import Lesson, SummaryModel, fit_heads, scale_of

_WIDTHS = (1 / 16, 1 / 4, 1.0, 4.0)  # gamma times the median squared distance of two rows
_CS = (0.3, 3.0, 30.0)  # of support vector machines
_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of ridge regression
_UNCHOSEN = (1 / 4, 1.0)  # width, C and penalty where no row can be left out
_CHOOSING = 1000  # rows among which width, C and penalty are chosen, at most
_FOLDS = 5  # that choose


def kernel(spec: KernelSpec, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> SummaryModel:
    """Build a model whose machines are still to be loaded."""
    return SummaryModel(spec, [KernelMachine(device=device, dtype=dtype) for _ in spec.heads])


def fit(spec: KernelSpec, examples: Examples, loss: Loss, *, seed: int) -> SummaryModel:
    """Fit machines with a Gaussian kernel to the summaries of the training sets.

    Of classes, a support vector machine of each against the others, whose scores become probabilities by logistic
    regression on the scores of sets left out; of numbers, ridge regression. The width of the kernel, and C or the
    penalty, are those that predict best the sets left out, in five folds.

    Raises:
        InputError: a time to an event.

    Source: Cortes, Vapnik 1995, Support-vector networks, Machine Learning 20; Platt 1999, Probabilistic outputs for
    support vector machines; Saunders, Gammerman, Vovk 1998, Ridge regression learning algorithm in dual variables.
    """
    return fit_heads(spec, examples, loss, lambda lesson: _fitted(spec, lesson), seed=seed)


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows that a machine is fitted to.

    Attributes:
        y: ``(n,)`` numbers, or numbers of classes.
        weights: ``(n,)``, with mean one.
        far: ``(n, n)`` squared distances, in units of their median.
        seed: of what is drawn.
        kinds: ``(n,)`` of which all are to be drawn: classes, or zeros.
    """

    y: np.ndarray
    weights: np.ndarray
    far: np.ndarray
    seed: int
    kinds: np.ndarray

    def some(self, most: int) -> "_Part":
        """Draw so many rows at most."""
        rows = _drawn(self.kinds, most, self.seed)
        far = self.far[np.ix_(rows, rows)]
        return _Part(self.y[rows], self.weights[rows], far, self.seed, self.kinds[rows])


def _fitted(spec: KernelSpec, lesson: Lesson) -> tuple[KernelMachine, str]:
    """Fit a head; return it with the link that it needs."""
    from sklearn.metrics.pairwise import euclidean_distances

    kind = lesson.head.kind
    if kind == "time":
        raise InputError("kernel does not learn a time to an event. Choose a network (--model deep-sets++).")
    centre, scale = scale_of(lesson.x)
    kinds = np.zeros(len(lesson.y)) if kind == "number" else lesson.y
    rows = _drawn(kinds, spec.rows, lesson.seed)
    x, weights = ((lesson.x[rows] - centre) / scale).clip(-MOST, MOST), lesson.weights[rows]
    far = euclidean_distances(x, squared=True)
    unit = float(np.median(far[far > 0])) if (far > 0).any() else 1.0
    part = _Part(lesson.y[rows], weights / weights.mean(), far / unit, lesson.seed, kinds[rows])
    width, weight, bias = _number(part) if kind == "number" else _classes(part, lesson.classes)
    used = np.abs(weight).max(0) > 0
    numbers = {"landmarks": x[used], "gamma": np.array(width / unit), "weight": weight[:, used], "bias": bias}
    machine = KernelMachine.of(centre=centre, scale=scale, **numbers)
    return machine, {"number": "number", "classes": "logits", "ranks": "rank-logits"}[kind]


def _number(part: _Part) -> tuple[float, np.ndarray, np.ndarray]:
    """Return width, weight ``(1, n)`` and bias ``(1,)`` of ridge regression."""
    centre = np.average(part.y, weights=part.weights)
    some = part.some(_CHOOSING)
    folds, best = _folds(some.y, some.seed, classes=False), (np.inf, *_UNCHOSEN)
    for width, penalty in itertools.product(_WIDTHS, _PENALTIES) if folds else ():
        similar, error = np.exp(-width * some.far), 0.0
        for rows, left in folds:
            model = _ridge(similar[np.ix_(rows, rows)], some.y[rows] - centre, some.weights[rows], penalty)
            found = similar[np.ix_(left, rows)] @ model
            error += some.weights[left] @ (found + centre - some.y[left]) ** 2
        best = min(best, (float(error), width, penalty))
    _, width, penalty = best
    model = _ridge(np.exp(-width * part.far), part.y - centre, part.weights, penalty)
    return width, model[None], np.array([centre])


def _ridge(similar: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Return the weights ``(n,)`` of rows in ridge regression with a kernel."""
    from sklearn.kernel_ridge import KernelRidge

    model: Any = KernelRidge(kernel="precomputed").set_params(alpha=penalty)  # its stub has whole numbers alone
    return model.fit(similar, y, sample_weight=weights).dual_coef_


def _classes(part: _Part, classes: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return width, weights ``(K, n)`` and biases ``(K,)`` of the logits of all classes."""
    seen = np.unique(part.y).astype(np.int64)
    if len(seen) == 1:
        return 1.0, *for_all_classes(np.zeros((1, len(part.y))), np.zeros(1), seen, classes)
    against = seen[1:] if len(seen) == 2 else seen  # one machine says both
    width, slack, platt, unit = _chosen(part.some(_CHOOSING), against)
    similar = np.exp(-width * part.far)
    machines = [_machine(similar, part.y == one, part.weights, slack) for one in against]
    weight, bias = (np.stack(each) for each in zip(*machines, strict=True))
    own = platt.coef_ / unit
    return width, *for_all_classes(own @ weight, own @ bias + platt.intercept_, seen, classes)


def _chosen(part: _Part, against: np.ndarray) -> tuple[float, float, Any, float]:
    """Return width, C, the logistic regression on scores of rows left out, and the unit of these scores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    folds, best = _folds(part.y, part.seed, classes=True), None
    for width, slack in itertools.product(_WIDTHS, _CS) if folds else [_UNCHOSEN]:
        similar, scores = np.exp(-width * part.far), np.empty((len(part.y), len(against)))
        for (rows, left), (place, one) in itertools.product(folds or _all(part.y), enumerate(against)):
            own = similar[np.ix_(rows, rows)], part.y[rows] == one, part.weights[rows]
            weight, bias = _machine(*own, slack)
            scores[left, place] = similar[np.ix_(left, rows)] @ weight + bias
        unit = float(scores.std()) or 1.0
        platt = LogisticRegression(max_iter=300).fit(scores / unit, part.y, sample_weight=part.weights)
        loss = log_loss(part.y, platt.predict_proba(scores / unit), sample_weight=part.weights)
        if best is None or loss < best[0]:
            best = loss, width, slack, platt, unit
    assert best is not None
    return best[1:]


def _machine(similar: np.ndarray, y: np.ndarray, weights: np.ndarray, slack: float) -> tuple[np.ndarray, float]:
    """Return the weights ``(n,)`` of rows and the bias of a support vector machine; of one class alone a constant."""
    from sklearn.svm import SVC

    weight = np.zeros(len(y))
    if y.all() or not y.any():
        return weight, 1.0 if y.any() else -1.0
    model = SVC(C=slack, kernel="precomputed").fit(similar, y, sample_weight=weights)
    weight[model.support_] = model.dual_coef_[0]
    return weight, float(model.intercept_[0])


def _folds(y: np.ndarray, seed: int, *, classes: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows to fit to, and those left out, of each fold; none where no two rows are alike."""
    from sklearn.model_selection import KFold, StratifiedKFold

    most = int(np.unique(y, return_counts=True)[1].max()) if classes else len(y)
    if most < 2:
        return []
    split = (StratifiedKFold if classes else KFold)(min(_FOLDS, most), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer rows than folds is in some of them
        return list(split.split(y, y))


def _all(y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    rows = np.arange(len(y))
    return [(rows, rows)]


def _drawn(classes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return positions of so many rows at most, which rise, some of every class."""
    if len(classes) <= most:
        return np.arange(len(classes))
    order = np.random.default_rng(seed).permutation(len(classes))
    share = np.empty(len(classes))
    for one in np.unique(classes):
        own = order[classes[order] == one]
        share[own] = np.arange(len(own)) / len(own)
    return np.sort(order[np.argsort(share[order], kind="stable")[:most]])
