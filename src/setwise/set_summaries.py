"""Sets as rows of a table, for scikit-learn's estimators: the pseudo-bulk, and half of a mixture."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from setwise._checks import InputError
from setwise.estimator_inputs import has_names, read_sets
from setwise.training.summaries import summaries, summary_names


class SetSummaries(TransformerMixin, BaseEstimator):
    """Moments and quantiles of the elements of each set, a row per set; invariant.

    What the baselines of every fit see, as a transformer: before a forest, or any other estimator of tables, in a
    pipeline. The mean of such a model's probabilities and those of `SetClassifier` is often better than either
    (`docs/examples.md`).

    Shapes: B sets, each ``(n_i, D)``, to ``(B, P)`` float64; the columns are `get_feature_names_out`'s. Per feature
    the mean, the standard deviation, the skewness and seven quantiles, in the feature's units (the skewness is
    dimensionless); and the logarithm of the size. Elements with very many features keep mean and standard deviation.

    Attributes:
        features_: names of the D features.
        n_features_in_: D.

    Raises:
        InputError: sets that cannot be read, or whose elements have other features than those of the fit.

    Example:
        >>> SetSummaries().fit_transform([np.array([[1.0], [3.0]]), np.array([[2.0]])])[:, 1:3].tolist()
        [[2.0, 1.0], [2.0, 0.0]]
    """

    def fit(self, X: Any, y: Any = None) -> "SetSummaries":  # noqa: ARG002 - scikit-learn's names
        """Keep the names of the features.

        Args:
            X: B sets, as `SetClassifier` takes them.
            y: not used.
        """
        store = read_sets(X)
        self.features_, self.shape_ = tuple(store.features), store.shape
        self.n_features_in_ = int(np.prod(store.shape))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The summaries ``(B, P)`` of sets, as `SetClassifier` takes them."""
        check_is_fitted(self)
        store = read_sets(X, self.features_ if has_names(X) else None)
        if (store.shape, tuple(store.features)) != (self.shape_, self.features_):
            raise InputError(
                f"elements must have the features of the fit, {', '.join(self.features_)}; got "
                f"{', '.join(store.features)}. Give the same features in the same order."
            )
        return summaries(store, np.arange(len(store)))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:  # noqa: ARG002 - scikit-learn's
        """Names of the P columns."""
        check_is_fitted(self)
        names = self.features_ if len(self.shape_) == 1 else [f"x{i}" for i in range(self.n_features_in_)]
        return np.array(summary_names(names), dtype=object)
