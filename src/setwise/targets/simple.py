"""Fit simple models to tables: a constant, ridge or logistic regression, gradient boosting.

They are what a model of sets has to beat. scikit-learn is imported where it is used: predictions do not need it.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Role = Literal["constant", "linear", "boosted"]
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]

_ALPHAS = np.logspace(-2, 6, 17)  # of ridge; the summaries are standardised, so the scale is known
_CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of logistic regression
_MANY_SETS = 2000  # from here on histograms are the faster trees; below, they find too little to split
_FEW_SETS = {"n_estimators": 200, "learning_rate": 0.05, "max_depth": 3, "subsample": 0.7}


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that a simple model is fitted on, and rows that it predicts.

    Attributes:
        x: ``(B, P)`` features of the rows to fit on.
        y: ``(B,)`` truth of a target, NaN where missing; of several ``(B, T)``.
        weights: ``(B,)`` how much each row counts.
        new: ``(n, P)`` features of the rows to predict.
        owners: ``(n,)`` the set of each of these where they are elements, or none.
        seed: of gradient boosting and of folds.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    new: np.ndarray
    owners: np.ndarray | None
    seed: int

    def of(self, y: np.ndarray) -> "Table":
        """Return the table with the truth ``(B,)`` of another target."""
        return replace(self, y=y)

    def known(self) -> "Table":
        """Return the table of the rows whose truth is known and that count."""
        known, weights = ~np.isnan(self.y), self.weights
        if weights[known].any():
            known &= weights > 0
        else:  # none that has a label counts
            weights = np.ones_like(weights)
        return replace(self, x=self.x[known], y=self.y[known], weights=weights[known])

    def fitted(self, fit: Fit) -> np.ndarray:
        """Return what a model says of the new rows."""
        return fit(self.x, self.y, self.weights, self.new, self.seed)


def mean(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    """Predict the mean of the numbers."""
    return np.full(len(new), np.average(y, weights=weights))


def shares(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    """Predict the shares of the classes."""
    counts = np.bincount(y, weights=weights)
    return np.tile(counts / counts.sum(), (len(new), 1))


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - one signature
    """Predict numbers by ridge regression, its penalty chosen by leaving one out."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(alphas=_ALPHAS))
    return model.fit(x, y, ridgecv__sample_weight=weights).predict(new)


def boosted_regression(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """Predict numbers by gradient boosting."""
    from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor

    if len(x) > _MANY_SETS:
        return HistGradientBoostingRegressor(random_state=seed).fit(x, y, sample_weight=weights).predict(new)
    few = GradientBoostingRegressor(**_FEW_SETS, max_features=_tried(x), random_state=seed)
    return few.fit(x, y, sample_weight=weights).predict(new)


def logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """Predict classes by logistic regression, its penalty chosen by folds."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

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
    """Predict classes by gradient boosting."""
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    if len(x) > _MANY_SETS:
        return HistGradientBoostingClassifier(random_state=seed).fit(x, y, sample_weight=weights).predict_proba(new)
    few = GradientBoostingClassifier(**_FEW_SETS, max_features=_tried(x), random_state=seed)
    return few.fit(x, y, sample_weight=weights).predict_proba(new)


NUMBERS: Mapping[Role, Fit] = {"constant": mean, "linear": ridge, "boosted": boosted_regression}
CLASSES: Mapping[Role, Fit] = {"constant": shares, "linear": logistic, "boosted": boosted_classification}


def _tried(x: np.ndarray) -> int:
    """Return how many columns are tried at each split: all of few, an eighth of many."""
    return min(x.shape[1], max(32, x.shape[1] // 8))
