"""Estimate targets and classes of sets with scikit-learn's habits: ``fit``, ``predict``, ``score``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags

from setwise._checks import InputError
from setwise.assess.evaluate import Evaluation
from setwise.estimators.base import SetEstimator
from setwise.estimators.inputs import (
    check_order,
    class_numbers,
    flags,
    floats,
    labels_of,
    named_labels,
    named_numbers,
    numbers,
    plain,
)
from setwise.estimators.parameters import of_study, spelled_out
from setwise.metrics.calibration import in_prediction_set
from setwise.runs.run import Run
from setwise.store.tables import listed
from setwise.targets.classes import Classes
from setwise.targets.number import Number


@spelled_out(of_study("target_transform", "target_transform"))
class SetRegressor(RegressorMixin, SetEstimator):
    """Predict one or several numbers per set.

    Sets may be a list of arrays ``(n_i, D)``, a padded array with sizes as a pair, a path, a table of elements that
    speaks Arrow (pandas, polars), or a `setwise.SetStore`; for scikit-learn's own splitters, a list. Sets of a
    table come in the order in which they first appear in it, in ``y`` and in predictions.

    Choices of the model that are none are as its name says, but depth and width follow the number of training sets
    (`setwise.models`), and Deep Sets pool by the mean.

    Attributes:
        run_: the fitted `setwise.Run`; `save` keeps it for the command line, too.
        n_features_in_: D, features of an element.
        n_iter_: epochs done, by all members of an ensemble together.
        leaderboard_: models that a stack (``model="auto"``) was made of, best first, each with its ``score`` on sets
            that it had not seen, its ``weight`` and its ``seconds``; empty of another model.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(size=(n, 2)) for n in rng.integers(1, 20, 64)]
        >>> y = [x.mean() for x in sets]
        >>> regressor = SetRegressor("deep-sets++", depth=2, width=16, epochs=3, random_state=0).fit(sets, y)
        >>> regressor.predict(sets).shape
        (64,)
    """

    target_transform: str | None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        covariates: Any = None,
        validation: Any = None,
    ) -> Self:
        """Fit the model; an earlier fit is forgotten.

        Args:
            X: B sets.
            y: ``(B,)`` or ``(B, T)`` numbers.
            sample_weight: ``(B,)`` weights of the sets in the loss, or none; transforms and metrics
                count each set once.
            groups: ``(B,)`` what must not be on both sides of the validation split (the patient), or none.
            covariates: ``(B, C)`` features of the sets as a whole, or none; a data frame's are found by their names.
            validation: ``(sets, y)`` or ``(sets, y, covariates)`` to use as the validation part, or none to draw it.

        Raises:
            InputError: sets or targets that cannot be used; the message says which and why.
        """
        check_order(X, y=y, groups=groups, covariates=covariates)
        values = numbers(y)
        held = None if validation is None else named_numbers(numbers(validation[1]))
        self.run_ = self._train(
            X,
            named_numbers(values),
            held,
            task="regression",
            target_transform=plain(self.target_transform),
            groups=groups,
            covariates=covariates,
            validation=validation,
            sample_weight=sample_weight,
        )
        self.n_outputs_ = 1 if values.ndim == 1 else values.shape[1]
        self._one_column = values.ndim == 1
        return self

    def predict(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Predict targets ``(B,)`` or ``(B, T)``, as ``y`` was."""
        predicted = self._predicted(X, covariates)
        return predicted[:, 0] if self._one_column else predicted

    def predict_interval(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Predict ends of intervals ``(B, 2)`` or ``(B, T, 2)`` that hold the truth of a share ``coverage`` of sets.

        Infinite where there were too few calibration sets, of which ``fit`` warns.

        Raises:
            RuntimeError: fitted without a coverage.
        """
        conformal = self._conformal()
        parts = zip(self.run_.objective.parts(self._predicted(X, covariates)), conformal.quantiles, strict=True)
        ends = np.stack(
            [target.ends(part, quantile) for (target, part), quantile in parts if isinstance(target, Number)], axis=1
        )
        return ends[:, 0] if self._one_column else ends

    def report(self, X: Any, y: Any, path: str | Path, *, groups: Any = None, covariates: Any = None) -> Path:
        """Save the model to a directory, with a page about it and the sets that it was fitted to.

        Args:
            X: B sets of the fit, and their targets, groups and covariates.
            y: ``(B,)`` or ``(B, T)`` numbers.
            path: the directory; a run that is there is replaced.
            groups: ``(B,)``, or none.
            covariates: ``(B, C)``, or none.

        Returns:
            The path of the page.
        """
        return self._reported(X, named_numbers(numbers(y)), path, groups, covariates)

    def _adopt(self, run: Run) -> None:
        if run.objective.of != "sets" or not all(isinstance(target, Number) for target in run.objective.targets):
            super()._adopt(run)
        self._learned_shape(run)
        self.n_outputs_ = len(run.objective.targets)
        self._one_column = self.n_outputs_ == 1

    def evaluate(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None) -> Evaluation:
        """Return metrics on sets with known targets, with bootstrap intervals over groups or sets."""
        check_order(X, y=y, groups=groups, covariates=covariates)
        return self._evaluated(X, named_numbers(numbers(y)), groups, covariates)

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, covariates: Any = None) -> float:
        """Return R^2 of the predictions, the mean over targets where there are several."""
        check_order(X, y=y)
        return float(r2_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))


@spelled_out(of_study("class_weight", "class_weights"), of_study("calibrate", "calibrate"))
class SetClassifier(ClassifierMixin, SetEstimator):
    """Predict one of several classes per set, or several labels at once.

    Arguments and attributes as for `SetRegressor`, and `class_weight` and `calibrate`.

    Attributes:
        classes_: the K classes, sorted; of several labels, their numbers 0 to T - 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(i % 2, size=(5 + i % 3, 2)) for i in range(32)]
        >>> y = ["low", "high"] * 16
        >>> classifier = SetClassifier("deep-sets++", depth=2, width=16, epochs=5, random_state=0).fit(sets, y)
        >>> classifier.predict_proba(sets).shape
        (32, 2)
    """

    class_weight: str | Mapping[Any, float] | None
    calibrate: bool | None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.classifier_tags is not None
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        covariates: Any = None,
        validation: Any = None,
    ) -> Self:
        """Fit the model; an earlier fit is forgotten.

        Arguments as for `SetRegressor`, ``y`` being ``(B,)`` labels, or ``(B, T)`` of 0 and 1 (NaN where not known)
        for T labels that do not exclude each other.
        """
        check_order(X, y=y, groups=groups, covariates=covariates)
        shape = np.asarray(y).shape
        several = len(shape) == 2 and shape[1] > 1
        targets, held = (self._several if several else self._one)(y, None if validation is None else validation[1])
        self.run_ = self._train(
            X,
            targets,
            held,
            task="classification",
            groups=groups,
            covariates=covariates,
            validation=validation,
            sample_weight=sample_weight,
            class_weights=self._class_weights(),
            calibrate=plain(self.calibrate),
        )
        if several:
            self._column = list(np.cumsum([0, *(target.width for target in self.run_.objective.targets[:-1])]) + 1)
            return self
        (target,) = self.run_.objective.targets
        self._column = [target.labels.index(name) for name in self._names or ()]
        return self

    def _one(self, y: Any, held: Any) -> tuple[dict[str, pa.Array], dict[str, pa.Array] | None]:
        """Return labels as a column of names."""
        labels = labels_of(y)
        self.classes_, number = np.unique(labels, return_inverse=True)
        names = [str(label) for label in self.classes_]
        if len(set(names)) < len(names):
            names = [str(i) for i in range(len(self.classes_))]
        self._names: list[str] | None = names
        if held is not None:
            held = named_labels(names, class_numbers(labels_of(held), self.classes_))
        return named_labels(names, number), held

    def _several(self, y: Any, held: Any) -> tuple[dict[str, pa.Array], dict[str, pa.Array] | None]:
        """Return several labels as a column each."""
        targets = flags(y)
        self.classes_ = np.arange(len(targets))
        self._names = None
        return targets, None if held is None else flags(held)

    def _class_weights(self) -> str | dict[str, float] | None:
        """Return weights by the names that classes have in the store."""
        given = self.class_weight
        if given is None or isinstance(given, str):
            return given
        if not isinstance(given, Mapping):
            raise TypeError(f"class_weight must be 'balanced' or weights by class; got {type(given).__name__}.")
        names = ("0", "1") if self._names is None else self._names
        known = dict(zip((0, 1) if self._names is None else self.classes_.tolist(), names, strict=True))
        if unknown := [label for label in given if label not in known]:
            raise InputError(f"class_weight must name classes of y ({listed(list(known))}); got {unknown[0]!r}.")
        weights = floats(list(given.values()), "class_weight").tolist()
        return {known[label]: weight for label, weight in zip(given, weights, strict=True)}

    def predict_set(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Mark the classes ``(B, K)`` that a set can be of: the true one is among them for a ``coverage`` of the sets.

        Of several labels ``(B, T, 2)``: whether a set can lack and can have each. All true where there were too few
        calibration sets, of which ``fit`` warns.

        Raises:
            RuntimeError: fitted without a coverage.
        """
        conformal = self._conformal()
        parts = self.run_.objective.parts(self._predicted(X, covariates))
        quantiles = (1.0 if quantile is None else quantile for quantile in conformal.quantiles)
        chosen = [in_prediction_set(part, quantile) for (_, part), quantile in zip(parts, quantiles, strict=True)]
        return np.stack(chosen, axis=1) if self._names is None else chosen[0][:, self._column]

    def evaluate(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None) -> Evaluation:
        """Return metrics on sets with known labels, with bootstrap intervals over groups or sets."""
        check_order(X, y=y, groups=groups, covariates=covariates)
        return self._evaluated(X, self._columns_of(y), groups, covariates)

    def report(self, X: Any, y: Any, path: str | Path, *, groups: Any = None, covariates: Any = None) -> Path:
        """Save the model to a directory, with a page about it and the sets that it was fitted to.

        Arguments as for `SetRegressor.report`.
        """
        return self._reported(X, self._columns_of(y), path, groups, covariates)

    def _columns_of(self, y: Any) -> dict[str, pa.Array]:
        """Return labels as the columns that they were in the fit."""
        self._fitted()
        if self._names is None:
            return flags(y)
        return named_labels(self._names, class_numbers(labels_of(y), self.classes_, what="y"))

    def _adopt(self, run: Run) -> None:
        targets = run.objective.targets
        if run.objective.of != "sets" or len(targets) != 1 or not isinstance(targets[0], Classes):
            super()._adopt(run)
        self._learned_shape(run)
        names = [str(label) for label in targets[0].labels]
        self._names, self.classes_, self._column = names, np.array(names), list(range(len(names)))

    def predict_proba(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Predict probabilities ``(B, K)``, columns as in ``classes_``, rows adding to 1; of more labels ``(B, T)``."""
        return self._predicted(X, covariates)[:, self._column]

    def predict(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Predict the likeliest class of each set ``(B,)``; of several labels ``(B, T)``, 1 for the more probable."""
        probabilities = self.predict_proba(X, covariates=covariates)
        if self._names is None:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, covariates: Any = None) -> float:
        """Return the accuracy; of several labels, the share of the sets of which all are right."""
        check_order(X, y=y)
        return float(accuracy_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))
