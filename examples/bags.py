"""Baselines for bags of vectors: classifiers of moments and quantiles of each set, several labels or one."""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def moments(sets: Sequence[np.ndarray]) -> np.ndarray:
    """Compute mean, standard deviation and five quantiles of every feature of every set ``(B, 7 D)``."""
    quantiles = (0.0, 0.25, 0.5, 0.75, 1.0)
    return np.stack([np.concatenate([x.mean(0), x.std(0), np.quantile(x, quantiles, axis=0).ravel()]) for x in sets])


def logistic(sets: Sequence[np.ndarray], labels: np.ndarray, new: Sequence[np.ndarray]) -> np.ndarray:
    """Predict probabilities of label 1 by logistic regression, ``(B,)`` or ``(B, T)``."""
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=5000)))
    shares = model.fit(moments(sets), labels).predict_proba(moments(new))
    return shares[:, 1] if labels.ndim == 1 else shares


def forest(sets: Sequence[np.ndarray], labels: np.ndarray, new: Sequence[np.ndarray]) -> np.ndarray:
    """Predict probabilities of label 1 by a forest of 300 trees, ``(B,)`` or ``(B, T)``."""
    model = RandomForestClassifier(300, random_state=0).fit(moments(sets), labels)
    found = model.predict_proba(moments(new))
    return np.asarray(found)[:, 1] if labels.ndim == 1 else np.stack([share[:, -1] for share in found], axis=1)


BASELINES = {"logistic regression on moments and quantiles": logistic, "random forest on moments and quantiles": forest}
