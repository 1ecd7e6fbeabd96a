"""Summarise sets as rows of a table, for scikit-learn's estimators: the pseudo-bulk, and half of a mixture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from setwise._checks import InputError
from setwise.assess.summaries import summaries, summary_names
from setwise.estimators.inputs import check_order, has_names, read_sets


class SetSummaries(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Moments and quantiles of the elements of each set, a row per set; invariant.

    What the baselines of every fit see, as a transformer: before a forest, or any other estimator of tables, in a
    pipeline. `docs/accuracy.md` has what trees on such rows are worth beside the models of setwise.

    Shapes: B sets, each ``(n_i, D)``, to an array ``(B, P)`` float64; the columns are `get_feature_names_out`'s.
    Per feature the mean, the standard deviation, the skewness and seven quantiles, in the feature's units (the skewness
    is dimensionless); and the logarithm of the size. Elements with very many features keep mean and standard deviation.

    Attributes:
        features_: names of the features of an element.
        n_features_in_: how many numbers an element has.

    Raises:
        InputError: sets that cannot be read; elements with other features than those of the fit; labels in another
            order than the sets.

    Example:
        >>> SetSummaries().fit_transform([np.array([[1.0], [3.0]]), np.array([[2.0]])])[:, 1:3].tolist()
        [[2.0, 1.0], [2.0, 0.0]]
    """

    def fit(self, X: Any, y: Any = None) -> "SetSummaries":
        """Keep the names of the features.

        Args:
            X: B sets, as `SetClassifier` takes them.
            y: not used, but refused where its index says that it is in another order than the sets of a table.
        """
        check_order(X, y=y)
        store = read_sets(X)
        self.features_, self._shape = tuple(store.features), store.shape
        self.n_features_in_ = int(np.prod(store.shape))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute summaries ``(B, P)`` of sets, as `SetClassifier` takes them; features are found by their names."""
        check_is_fitted(self)
        store = read_sets(X, self.features_ if has_names(X) else None)
        if store.shape != self._shape or set(store.features) != set(self.features_):
            raise InputError(
                f"elements must have the features of the fit, {', '.join(self.features_)} of shape {self._shape}; got "
                f"{', '.join(store.features)} of shape {store.shape}. Give the same features."
            )
        found, wanted = self._names(store.features), self._names(self.features_)
        table = summaries(store, np.arange(len(store)))
        return table if found == wanted else table[:, [found.index(name) for name in wanted]]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return names of the P columns; ``input_features``, where given, must be those of the fit."""
        check_is_fitted(self)
        if input_features is not None and tuple(input_features) != self.features_:
            raise InputError(
                f"input_features must be the features of the fit, {', '.join(self.features_)}; got "
                f"{', '.join(map(str, input_features))}. Leave them out."
            )
        return np.array(self._names(self.features_), dtype=object)

    def _names(self, features: Sequence[str]) -> list[str]:
        """Return names of the columns for elements with these features; numbers of an image have none of their own."""
        return summary_names(features if len(self._shape) == 1 else [f"x{i}" for i in range(self.n_features_in_)])
