"""Estimate labels of elements with scikit-learn's habits: sets in, a label for every element out."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.metrics import accuracy_score, r2_score

from setwise._checks import InputError
from setwise.estimators.base import SetEstimator
from setwise.estimators.inputs import (
    check_order,
    covariate_names,
    covariates_of,
    plain,
    read_sets,
    with_columns,
)
from setwise.estimators.parameters import of_study, spelled_out
from setwise.fit.train import train
from setwise.metrics.calibration import in_prediction_set
from setwise.readers.columns import is_missing
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_predictions
from setwise.targets.number import Number

_TARGET = "label"


class _ElementEstimator(SetEstimator):
    """Base of both estimators of elements: the way from labels to a fitted run, and to predictions."""

    def _fit(
        self,
        sets: Any,
        labels: Any,
        *,
        task: str,
        groups: Any,
        covariates: Any,
        calibrate: bool | None = False,
        target_transform: str | None = None,
    ) -> None:
        check_order(sets, groups=groups, covariates=covariates)
        store = with_columns(read_sets(sets), {}, covariates=covariates_of(sets, covariates), groups=groups)
        store = store.with_labels({_TARGET: labels(store)})
        study = self._study(
            targets=_TARGET,
            of="elements",
            task=task,
            covariates=covariate_names(store),
            group="group" if groups is not None else None,
            calibrate=calibrate,
            target_transform=target_transform,
        )
        self.run_ = self._learned(train(store, study, baselines=False, progress=self.verbose), store)

    def _of_elements(self, sets: Any, covariates: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions ``(N, P)`` for all elements, and the sizes of the sets."""
        run, store = self._fitted(), self._store_for(sets, covariates)
        return element_predictions(run, store, np.arange(len(store)), Computing(device=self.device)), store.sizes


@spelled_out(of_study("target_transform", "target_transform"))
class SetElementRegressor(_ElementEstimator):
    """Predict a number for every element of a set, in the light of the other elements.

    Arguments and attributes as for `SetRegressor`. Plain Deep Sets (``model="deep-sets"``) treat every element alone.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(size=(n, 2)) for n in rng.integers(2, 20, 32)]
        >>> y = [x[:, 0] - x[:, 0].mean() for x in sets]
        >>> regressor = SetElementRegressor(depth=2, width=16, epochs=3, ensemble=1, random_state=0).fit(sets, y)
        >>> regressor.predict(sets)[0].shape == y[0].shape
        True
    """

    target_transform: str | None

    def fit(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None) -> Self:
        """Fit the model; an earlier fit is forgotten.

        Args:
            X: B sets.
            y: B arrays ``(n_i,)`` of numbers, NaN where an element has none.
            groups: ``(B,)`` what must not be on both sides of the validation split, or none.
            covariates: ``(B, C)`` features of the sets as a whole, which every element sees, or none.

        Raises:
            InputError: sets or labels that cannot be used; the message says which and why.
        """
        self._fit(
            X,
            lambda store: _numbers(y, store.sizes),
            task="regression",
            groups=groups,
            covariates=covariates,
            target_transform=plain(self.target_transform),
        )
        return self

    def predict(self, X: Any, *, covariates: Any = None) -> list[np.ndarray]:
        """Predict numbers: B arrays ``(n_i,)``."""
        predicted, sizes = self._of_elements(X, covariates)
        return _by_set(predicted[:, 0], sizes)

    def predict_interval(self, X: Any, *, covariates: Any = None) -> list[np.ndarray]:
        """Predict B arrays ``(n_i, 2)``: ends of intervals that hold the numbers of a ``coverage`` of the elements.

        The share is of elements drawn from new sets, each set counting alike: of one set more may be missed. Infinite
        where there were too few calibration sets, of which ``fit`` warns.

        Raises:
            RuntimeError: fitted without a coverage.
        """
        (quantile,) = self._conformal().quantiles
        predicted, sizes = self._of_elements(X, covariates)
        (target,) = self.run_.objective.targets
        assert isinstance(target, Number)
        return _by_set(target.ends(predicted, quantile), sizes)

    def score(self, X: Any, y: Any, *, covariates: Any = None) -> float:
        """Return R^2 of the predictions over all elements that have a number, of all sets together."""
        predicted, sizes = self._of_elements(X, covariates)
        truth = _numbers(y, sizes)
        known = ~np.isnan(truth)
        _check_some(known.any())
        return float(r2_score(truth[known], predicted[known, 0]))


@spelled_out(of_study("calibrate", "calibrate"))
class SetElementClassifier(_ElementEstimator):
    """Predict a class for every element of a set, or which one element of it is meant.

    Arguments and attributes as for `SetRegressor`, and `calibrate`: not where one element of each set is meant.

    Attributes:
        classes_: the K classes of elements, sorted; none where one element of each set is meant.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(size=(n, 2)) for n in rng.integers(5, 20, 32)]
        >>> largest = [int(x[:, 0].argmax()) for x in sets]
        >>> classifier = SetElementClassifier(depth=2, width=16, epochs=3, ensemble=1, max_elements=None)
        >>> classifier.fit(sets, largest).predict(sets).shape
        (32,)
        >>> classifier.fit(sets, [x[:, 1] > 0 for x in sets]).predict_proba(sets)[0].shape == (len(sets[0]), 2)
        True
    """

    calibrate: bool | None

    def fit(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None) -> Self:
        """Fit the model; an earlier fit is forgotten.

        Arguments as for `SetElementRegressor`, ``y`` being B arrays ``(n_i,)`` of labels, None or NaN where an element
        has none; or ``(B,)`` whole numbers: the position in each set of the one element that is meant.
        """
        if _are_positions(y):
            self.classes_ = None
            self._fit(
                X,
                lambda store: _marks(y, store.sizes),
                task="which-element",
                groups=groups,
                covariates=covariates,
                calibrate=plain(self.calibrate),
            )
            return self
        _, classes = _class_numbers(y, None)
        self.classes_ = classes
        self._fit(
            X,
            lambda store: _class_numbers(_checked(y, store.sizes), classes)[0],
            task="classification",
            groups=groups,
            covariates=covariates,
            calibrate=plain(self.calibrate),
        )
        (target,) = self.run_.objective.targets
        self._column = [target.labels.index(str(i)) for i in range(len(classes))]
        return self

    def predict_proba(self, X: Any, *, covariates: Any = None) -> list[np.ndarray]:
        """Predict B arrays of probabilities ``(n_i, K)``, columns as in ``classes_``; or ``(n_i,)`` of being meant."""
        predicted, sizes = self._of_elements(X, covariates)
        return _by_set(predicted[:, 0] if self.classes_ is None else predicted[:, self._column], sizes)

    def predict_set(self, X: Any, *, covariates: Any = None) -> list[np.ndarray]:
        """Mark in B arrays ``(n_i, K)`` the classes that an element can be of.

        The true one is among them for a share ``coverage`` of elements drawn from new sets, each set counting alike: of
        one set more may be missed. All true where there were too few calibration sets, of which ``fit`` warns.

        Raises:
            RuntimeError: fitted without a coverage.
        """
        (quantile,) = self._conformal().quantiles
        predicted, sizes = self._of_elements(X, covariates)
        chosen = in_prediction_set(predicted, 1.0 if quantile is None else quantile)
        return _by_set(chosen[:, self._column], sizes)

    def predict(self, X: Any, *, covariates: Any = None) -> Any:
        """Predict B arrays ``(n_i,)`` of the most probable classes; or ``(B,)`` positions of the elements meant."""
        found = self.predict_proba(X, covariates=covariates)
        if self.classes_ is None:
            return np.array([int(own.argmax()) for own in found])
        return [self.classes_[own.argmax(1)] for own in found]

    def score(self, X: Any, y: Any, *, covariates: Any = None) -> float:
        """Return the accuracy over all labelled elements, of all sets together; or over sets, of the elements meant."""
        predicted = self.predict(X, covariates=covariates)
        if self.classes_ is None:
            return float(accuracy_score(np.asarray(y), predicted))
        truth = [label for own in _checked(y, np.array([len(p) for p in predicted])) for label in list(own)]
        pairs = [(a, b) for a, b in zip(truth, np.concatenate(predicted).tolist(), strict=True) if not is_missing(a)]
        _check_some(pairs)
        return float(np.mean([a == b for a, b in pairs]))


def _by_set(values: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum(sizes)[:-1])


def _checked(y: Any, sizes: np.ndarray) -> Sequence[Any]:
    """Return labels, checked: one array per set, one label per element.

    Raises:
        InputError: other lengths, with the set.
    """
    if y is None or len(y) != len(sizes):
        raise InputError(f"y must hold an array of labels for each of the {len(sizes)} sets; got {_count(y)}.")
    for position, (own, size) in enumerate(zip(y, sizes, strict=True)):
        if np.shape(own) != (size,):
            raise InputError(
                f"y must have a label for each element; set {position} has {size} elements and labels of shape "
                f"{np.shape(own)}. Give None or NaN where a label is not known."
            )
    return y


def _count(y: Any) -> str:
    return "none" if y is None else str(len(y))


def _check_some(known: object) -> None:
    if not known:
        raise InputError("y must have a label for some elements; all are missing. Give labels that are known.")


def _numbers(y: Any, sizes: np.ndarray) -> np.ndarray:
    checked = _checked(y, sizes)
    try:
        return np.concatenate([np.asarray(own, np.float64) for own in checked])
    except (ValueError, TypeError) as error:
        raise InputError(f"y must hold numbers, NaN where there is none: {error}.") from error


def _class_numbers(y: Any, classes: np.ndarray | None) -> tuple[pa.Array, np.ndarray]:
    """Return labels of all elements as the numbers of their classes, written as text, and the classes."""
    if y is None:
        raise InputError("fit needs y: an array of labels for each set, or the position of one element in each.")
    odd = next((own for own in y if np.ndim(own) != 1), None)
    if odd is not None:
        raise InputError(f"y must hold an array of labels (n_i,) for each set; one has shape {np.shape(odd)}.")
    labels = [label for own in y for label in np.asarray(own, dtype=object).tolist()]
    known = [label for label in labels if not is_missing(label)]
    if len({isinstance(label, str) for label in known}) > 1:
        raise InputError("y must hold labels of one kind; some are text and some are numbers. Write all as text.")
    found = np.unique(np.array(known)) if classes is None else classes
    number = {label: str(i) for i, label in enumerate(found.tolist())}
    return pa.array([None if is_missing(label) else number[label] for label in labels], pa.string()), found


def _are_positions(y: Any) -> bool:
    """Return whether labels are one whole number per set."""
    return y is not None and len(y) > 0 and all(np.ndim(own) == 0 for own in y)


def _marks(y: Any, sizes: np.ndarray) -> np.ndarray:
    """Return 1 for the element that is meant in each set, 0 for the others ``(N,)``.

    Raises:
        InputError: positions that are not one per set, or not in it.
    """
    at = np.asarray(y)
    if at.shape != sizes.shape or at.dtype.kind not in "iu":
        raise InputError(f"y must hold a whole number for each of the {len(sizes)} sets; got {at.dtype} {at.shape}.")
    bad = np.flatnonzero((at < 0) | (at >= sizes))
    if bad.size:
        raise InputError(
            f"y must hold the position of an element in its set; set {bad[0]} has {sizes[bad[0]]} elements, from 0 to "
            f"{sizes[bad[0]] - 1}, and y is {at[bad[0]]}."
        )
    marks = np.zeros(int(sizes.sum()))
    marks[np.cumsum(sizes) - sizes + at] = 1.0
    return marks
