"""Estimate with scikit-learn's habits: sets in, ``fit``, ``predict``, ``score``."""

from setwise.estimators.elements import SetElementClassifier, SetElementRegressor
from setwise.estimators.sets import SetClassifier, SetRegressor
from setwise.estimators.summaries import SetSummaries

__all__ = ["SetRegressor", "SetClassifier", "SetElementClassifier", "SetElementRegressor", "SetSummaries"]
