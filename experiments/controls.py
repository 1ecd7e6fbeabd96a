"""Baselines: a constant, and ridge, gradient boosting and an MLP on moments and quantiles of the sets."""

import warnings
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from experiments.measuring import Measures, counted, scores, summary
from experiments.rows import Baseline
from setwise._checks import InputError
from setwise.tasks import Task, TaskData, TaskSets

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_FEW_FEATURES = 128  # up to here quantiles are taken too
_SETS_AT_A_TIME = 256
_ALPHAS = np.logspace(-2, 6, 17)
_HIDDEN = (128, 128)


def fit_and_measure(baseline: Baseline, task: Task, data: TaskData, *, batch_size: int, seed: int) -> Measures:
    """Fit a baseline on all training sets and measure it on the test sets that count for models, and on all.

    Args:
        baseline: which one; those on summaries are defined for one output per set and elements that are vectors.
        task: says what is predicted.
        data: training and test sets.
        batch_size: sets a batch of the models beside it, which decides which test sets count.
        seed: of boosting and the MLP.

    Raises:
        InputError: summaries of a task that has none.
    """
    if baseline == "constant":
        return {
            name: _measures(_constant(task, data.train, sets), sets, batch_size) for name, sets in data.tests.items()
        }
    if task.kind == "anomaly" or task.elements != "vectors":
        raise InputError(f"moments and quantiles are not defined for {task.name}; leave such rows out with --rows.")
    known, truth = summaries(data.train), data.train.targets.numpy().reshape(len(data.train))
    model = _model(baseline, task, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline that has nearly converged will do
        model.fit(known, truth)
    found: Measures = {}
    for name, sets in data.tests.items():
        if task.kind == "regression":
            outputs = torch.from_numpy(np.asarray(model.predict(summaries(sets)), np.float64))[:, None]
        else:
            outputs = _logits(model, summaries(sets), task.out_features)
        found[name] = _measures(scores(task, outputs, sets.targets), sets, batch_size)
    return found


def summaries(sets: TaskSets) -> np.ndarray:
    """Compute moments and quantiles of the elements of each set, ``(B, P)`` float32; invariant.

    Per feature the mean, the standard deviation, the skewness and the quantiles 0, 0.1, 0.25, 0.5, 0.75, 0.9 and 1, and
    the logarithm of the size. Of more than 128 features (pixels) the mean and the standard deviation alone.
    """
    rows = torch.arange(len(sets))
    tables = []
    for some in rows.split(_SETS_AT_A_TIME):
        batch = sets.batch(some)
        if batch.layout.set_size is None:
            tables += [_summary(x[None].double()) for x in batch.to_list()]
        else:
            tables.append(_summary(batch.elements.view(len(some), batch.layout.set_size, -1).double()))
    return torch.cat(tables).float().numpy()


def _measures(values: Tensor, sets: TaskSets, batch_size: int) -> dict[str, float | None]:
    return summary(values[counted(sets, batch_size)], values)


def _summary(x: Tensor) -> Tensor:
    """Summarise sets of one size, ``(b, S, D)`` to ``(b, P)``."""
    mean, std = x.mean(1), x.std(1, correction=0)
    parts = [torch.full((len(x), 1), float(np.log(x.shape[1])), dtype=x.dtype), mean, std]
    if x.shape[2] <= _FEW_FEATURES:
        centred = (x - mean[:, None]) / torch.where(std > 0, std, 1.0)[:, None]
        quantiles = torch.quantile(x, torch.tensor(QUANTILES, dtype=x.dtype), dim=1)
        parts += [(centred**3).mean(1), quantiles.permute(1, 0, 2).flatten(1)]
    return torch.cat(parts, 1)


def _model(baseline: Baseline, task: Task, seed: int) -> Any:
    """Return scikit-learn's estimator."""
    regression = task.kind == "regression"
    if baseline == "ridge":
        linear = RidgeCV(alphas=_ALPHAS) if regression else LogisticRegression(C=1e-2, max_iter=300)
        return make_pipeline(StandardScaler(), linear)
    if baseline == "boosting":
        kind: Any = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        return kind(random_state=seed, early_stopping=False)
    network: Any = MLPRegressor if regression else MLPClassifier
    return make_pipeline(
        StandardScaler(),
        network(hidden_layer_sizes=_HIDDEN, early_stopping=True, n_iter_no_change=10, max_iter=100, random_state=seed),
    )


def _constant(task: Task, train: TaskSets, sets: TaskSets) -> Tensor:
    """Score ``(B,)`` the mean of the training targets, or the frequencies of the classes."""
    if task.kind == "regression":
        return scores(task, train.targets.double().mean(0).expand(len(sets), -1), sets.targets)
    classes = int(train.set_size or 0) if task.kind == "anomaly" else task.out_features
    share = torch.bincount(train.targets, minlength=classes).double().clamp_min(1e-12)
    return scores(task, (share / share.sum()).log().expand(len(sets), -1), sets.targets)


def _logits(model: Any, table: np.ndarray, classes: int) -> Tensor:
    """Return log probabilities of all classes, also of those that no training set has."""
    outputs = torch.full((len(table), classes), -30.0, dtype=torch.float64)
    probabilities = np.asarray(model.predict_proba(table), np.float64).clip(1e-12)
    outputs[:, torch.as_tensor(model.classes_)] = torch.from_numpy(np.log(probabilities))
    return outputs
