"""What a model of sets has to beat: a constant, and ridge and gradient boosting on summaries of the sets.

They see the sets' moments and quantiles (`summaries`) and the covariates, are fitted on the training and validation
sets together, with the weights of the model, and are measured on the same test sets. Each target has models of its own,
fitted on the sets whose label is known; classes in order are taken for classes.
"""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from setwise.targets.heads import Head, Regression, WhichElement
from setwise.targets.objectives import Objective

_ALPHAS = np.logspace(-2, 6, 17)  # of ridge; the summaries are standardised, so the scale is known
_CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of logistic regression

_MANY_SETS = 2000  # from here on histograms are the faster trees; below, they find too little to split
_FEW_SETS = {"n_estimators": 200, "learning_rate": 0.05, "max_depth": 3, "subsample": 0.7}
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def baseline_predictions(
    objective: Objective,
    *,
    summaries: tuple[np.ndarray, np.ndarray],
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    covariates: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fit the baselines, and predict the test sets.

    Args:
        objective: what is predicted.
        summaries: ``(B, P)`` of the sets to fit on and of the test sets, with the covariates where there are some.
        truth: ``(B, T)`` of the sets to fit on: numbers, numbers of classes, NaN where missing.
        weights: ``(B,)`` of the sets to fit on, or none where all count alike.
        covariates: ``(B, C)`` of the sets to fit on and of the test sets, by which alone is predicted as well; or none.
        seed: of gradient boosting and of the folds.

    Returns:
        Predictions ``(B, P)`` by name: ``"constant"``, ``"covariates alone"`` where there are some, ``"ridge"``
        (``"logistic regression"`` for classes) and ``"gradient boosting"``.
    """
    weights = np.ones(len(summaries[0])) if weights is None else weights
    kinds = {head.kind == "regression" for head in objective.heads}
    linear = " and ".join(
        name for is_number, name in ((True, "ridge"), (False, "logistic regression")) if is_number in kinds
    )
    fits: dict[str, tuple[Fit, Fit, tuple[np.ndarray, np.ndarray]]] = {"constant": (mean, shares, summaries)}
    if covariates is not None:
        fits["covariates alone"] = (ridge, logistic, covariates)
    fits |= {linear: (ridge, logistic, summaries)}
    fits |= {"gradient boosting": (boosted_regression, boosted_classification, summaries)}
    predicted = {}
    for name, (of_numbers, of_classes, (x, new)) in fits.items():
        parts = [
            of_head(head, of_numbers if head.kind == "regression" else of_classes, x, y, new, weights, seed)
            for head, y in zip(objective.heads, truth.reshape(len(x), -1).T, strict=True)
        ]
        predicted[name] = np.concatenate(parts, axis=1)
    return predicted


def of_head(
    head: Head,
    fit: Fit,
    x: np.ndarray,
    y: np.ndarray,
    new: np.ndarray,
    weights: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Predictions ``(B, P)`` of one target for new sets, fitted on the sets whose label is known and that count."""
    known = ~np.isnan(y)
    if weights[known].any():
        known &= weights > 0
    else:  # none that has a label counts
        weights = np.ones_like(weights)
    x, y, weights = x[known], y[known], weights[known]
    if isinstance(head, Regression):
        return fit(x, y, weights, new, seed)[:, None]
    assert not isinstance(head, WhichElement), "its chances depend on the set"
    number = y.astype(np.int64)
    if head.weights is not None:
        weights = weights * np.asarray(head.weights)[number]
        x, number, weights = (array[weights > 0] for array in (x, number, weights))
    present, number = np.unique(number, return_inverse=True)
    predicted = np.zeros((len(new), len(head.classes)))
    predicted[:, present] = 1.0 if len(present) == 1 else fit(x, number, weights, new, seed)
    return predicted


def mean(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    return np.full(len(new), np.average(y, weights=weights))


def shares(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    counts = np.bincount(y, weights=weights)
    return np.tile(counts / counts.sum(), (len(new), 1))


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=_ALPHAS))  # chooses alpha by leaving one out
    return model.fit(x, y, ridgecv__sample_weight=weights).predict(new)


def boosted_regression(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    if len(x) > _MANY_SETS:
        return HistGradientBoostingRegressor(random_state=seed).fit(x, y, sample_weight=weights).predict(new)
    few = GradientBoostingRegressor(**_FEW_SETS, max_features=_tried(x), random_state=seed)
    return few.fit(x, y, sample_weight=weights).predict(new)


def logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-2, max_iter=300))
    folds = min(3, int(np.bincount(y).min()))
    if folds > 1:
        model = GridSearchCV(
            model,
            {"logisticregression__C": _CS},
            scoring="neg_log_loss",
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline that has nearly converged will do
        return model.fit(x, y, logisticregression__sample_weight=weights).predict_proba(new)


def boosted_classification(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    if len(x) > _MANY_SETS:
        return HistGradientBoostingClassifier(random_state=seed).fit(x, y, sample_weight=weights).predict_proba(new)
    few = GradientBoostingClassifier(**_FEW_SETS, max_features=_tried(x), random_state=seed)
    return few.fit(x, y, sample_weight=weights).predict_proba(new)


def _tried(x: np.ndarray) -> int:
    """Columns tried at each split: all of few, an eighth of many."""
    return min(x.shape[1], max(32, x.shape[1] // 8))
