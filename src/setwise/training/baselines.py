"""What a model of sets has to beat: a constant, and ridge and gradient boosting on summaries of the sets.

They see the sets' moments and quantiles (`summaries`) and the covariates, are fitted on the training and validation
sets together, and are measured on the same test sets as the model.
"""

import warnings

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

from setwise.training.metrics import score
from setwise.training.objectives import Classification, Regression
from setwise.training.record import TestRow

_ALPHAS = np.logspace(-2, 6, 17)  # of ridge; the summaries are standardised, so the scale is known
_CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of logistic regression

_MANY_SETS = 2000  # from here on histograms are the faster trees; below, they find too little to split
_FEW_SETS = {"n_estimators": 200, "learning_rate": 0.05, "max_depth": 3, "subsample": 0.7}


def baseline_rows(
    objective: Regression | Classification,
    *,
    summaries: tuple[np.ndarray, np.ndarray],
    truth: tuple[np.ndarray, np.ndarray],
    constant: np.ndarray,
    seed: int,
) -> tuple[TestRow, ...]:
    """Fit and measure the baselines.

    Args:
        objective: what is predicted.
        summaries: ``(B, P)`` of the sets to fit on and of the test sets.
        truth: of the sets to fit on and of the test sets; numbers ``(B, T)`` or class numbers ``(B,)``.
        constant: what the constant predicts: the mean of the training sets ``(T,)`` or the frequencies of the classes
            ``(K,)``.
        seed: of gradient boosting and of the folds.

    Returns:
        Rows named ``"constant"``, ``"ridge"`` (``"logistic regression"`` for classes) and ``"gradient boosting"``.
    """
    fitted_on, held_out = summaries
    guess = np.broadcast_to(constant, (len(held_out), len(constant)))
    rows = [TestRow(name="constant", metrics=score(objective, guess, truth[1]))]
    fits = (
        {"ridge": _ridge, "gradient boosting": _boosted_regression}
        if isinstance(objective, Regression)
        else {"logistic regression": _logistic, "gradient boosting": _boosted_classification}
    )
    for name, predict in fits.items():
        predicted = predict(fitted_on, truth[0], held_out, seed)
        rows.append(TestRow(name=name, metrics=score(objective, predicted, truth[1])))
    return tuple(rows)


def constant_prediction(objective: Regression | Classification, truth: np.ndarray) -> np.ndarray:
    """The mean of the training targets ``(T,)``, or the frequencies of the K classes, which predict the commonest."""
    if isinstance(objective, Regression):
        return truth.mean(0)
    return np.bincount(truth, minlength=objective.out_features) / len(truth)


def _ridge(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=_ALPHAS))  # chooses alpha by leaving one out
    return model.fit(x, y).predict(new).reshape(len(new), -1)


def _boosted_regression(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    def fitted(column: np.ndarray) -> np.ndarray:
        if len(x) > _MANY_SETS:
            return HistGradientBoostingRegressor(random_state=seed).fit(x, column).predict(new)
        few = GradientBoostingRegressor(**_FEW_SETS, max_features=_tried(x), random_state=seed)
        return few.fit(x, column).predict(new)

    return np.stack([fitted(column) for column in y.T], axis=1)


def _logistic(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
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
        return model.fit(x, y).predict_proba(new)


def _boosted_classification(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    if len(x) > _MANY_SETS:
        return HistGradientBoostingClassifier(random_state=seed).fit(x, y).predict_proba(new)
    few = GradientBoostingClassifier(**_FEW_SETS, max_features=_tried(x), random_state=seed)
    return few.fit(x, y).predict_proba(new)


def _tried(x: np.ndarray) -> int:
    """Columns tried at each split: all of few, an eighth of many."""
    return min(x.shape[1], max(32, x.shape[1] // 8))
