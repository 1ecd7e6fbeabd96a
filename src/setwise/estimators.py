"""Estimators with scikit-learn's habits: sets in, ``fit``, ``predict``, ``score``."""

from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from setwise._checks import InputError
from setwise.data import Split
from setwise.estimator_inputs import (
    WEIGHT,
    check_covariates,
    check_order,
    class_numbers,
    covariate_names,
    flags,
    joined_stores,
    labels_of,
    named_labels,
    named_numbers,
    numbers,
    plain,
    read_sets,
    third,
    weights_of,
    with_columns,
)
from setwise.training import Classification, FitConfig, Run, train
from setwise.training.outputs import predictions_of

_MODEL_CHOICES = ("depth", "width", "norm", "residual", "path", "pool", "heads", "inducing")


class _SetEstimator(BaseEstimator):
    """What both estimators share: their arguments, and the way to a fitted run and its predictions."""

    def __init__(
        self,
        model: str = "deep-sets++",
        *,
        depth: int | None = None,
        width: int = 128,
        norm: str | None = None,
        residual: str | None = None,
        path: str | None = None,
        pool: str | None = None,
        heads: int | None = None,
        inducing: int | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        elements_per_batch: int | None = None,
        max_elements: int | None = 2000,
        optimizer: str = "adamw",
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        schedule: str = "cosine",
        warmup: float = 0.05,
        clip: float | None = 1.0,
        accumulate: int = 1,
        patience: int | None = 20,
        ensemble: int | None = None,
        precision: str = "32-true",
        device: str = "auto",
        memory: str = "auto",
        workers: int = 0,
        validation_fraction: float = 0.15,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ):
        self.model = model
        self.depth = depth
        self.width = width
        self.norm = norm
        self.residual = residual
        self.path = path
        self.pool = pool
        self.heads = heads
        self.inducing = inducing
        self.epochs = epochs
        self.batch_size = batch_size
        self.elements_per_batch = elements_per_batch
        self.max_elements = max_elements
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.clip = clip
        self.accumulate = accumulate
        self.patience = patience
        self.ensemble = ensemble
        self.precision = precision
        self.device = device
        self.memory = memory
        self.workers = workers
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def _train(
        self,
        sets: Any,
        targets: dict[str, pa.Array],
        held: dict[str, pa.Array] | None,
        *,
        task: str,
        groups: Any,
        covariates: Any,
        validation: tuple | None,
        sample_weight: Any = None,
    ) -> Run:
        weight_column = None if sample_weight is None else WEIGHT
        store = read_sets(sets)
        if sample_weight is not None:
            targets = {**targets, WEIGHT: weights_of(sample_weight, len(store))}
        store = with_columns(store, targets, covariates=covariates, groups=groups)
        names = covariate_names(store)
        split = None
        if validation is not None:
            assert held is not None
            wanted = [name for name in targets if name != WEIGHT]
            if list(held) != wanted:
                raise InputError(f"validation must have the {len(wanted)} targets of y; got {len(held)}.")
            if weight_column is not None:
                held = {**held, WEIGHT: pa.array(np.ones(len(next(iter(held.values())))))}
            other = with_columns(read_sets(validation[0]), held, covariates=third(validation))
            check_covariates(other, names)
            split = Split(*np.split(np.arange(len(store) + len(other)), [len(store), len(store) + len(other)]))
            store = joined_stores(store, other)
        given = {name: plain(getattr(self, name)) for name in FitConfig.model_fields if hasattr(self, name)}
        given["ensemble"] = given["ensemble"] or 0  # as many as the number of training sets asks for
        seed = int(check_random_state(self.random_state).randint(2**31))
        run = train(
            store,
            targets=[name for name in targets if name != WEIGHT],
            task=task,
            weight_column=weight_column,
            covariates=names,
            group="group" if groups is not None and split is None else None,
            model=self.model,
            model_choices={n: plain(getattr(self, n)) for n in _MODEL_CHOICES if getattr(self, n) is not None},
            config=FitConfig.checked(**{**given, "seed": seed}),
            split=split,
            validation=self.validation_fraction,
            test=0.0,
            baselines=False,
            progress=self.verbose,
        )
        self.n_features_in_ = store.shape[0] if len(store.shape) == 1 else 1
        self.n_iter_ = run.record.epochs
        return run

    def _predicted(self, sets: Any, covariates: Any) -> np.ndarray:
        check_is_fitted(self, "run_")
        check_order(sets, covariates=covariates)
        run: Run = self.run_  # pyright: ignore[reportAttributeAccessIssue] set by fit
        store = with_columns(read_sets(sets, run.features), {}, covariates=covariates)
        check_covariates(store, () if run.record.covariates is None else run.record.covariates.names)
        return predictions_of(run, store, np.arange(len(store)), device=self.device)


class SetRegressor(RegressorMixin, _SetEstimator):
    """Predict one or several numbers per set.

    Sets may be a list of arrays ``(n_i, D)``, a padded array with sizes as a pair, a path, a table of elements that
    speaks Arrow (pandas, polars), or a `setwise.data.SetStore`; for scikit-learn's own splitters, a list. Sets of a
    table come in the order in which they first appear in it, in ``y`` and in predictions.

    Args:
        model: "deep-sets", "deep-sets++", "set-transformer" or "set-transformer++".
        depth, width, norm, residual, path, pool, heads, inducing: choices of the model (`setwise.models.build`); none
            leaves them as the name says, but Deep Sets pool by the mean and depth follows the number of training sets
            (`setwise.training.defaults`), as does ``ensemble``: 5 models below 1,000 sets.
        epochs, batch_size, elements_per_batch, max_elements, optimizer, learning_rate, weight_decay, schedule, warmup,
            clip, accumulate, patience, ensemble, precision, device, workers: how to fit
            (`setwise.training.FitConfig`).
        validation_fraction: share of the sets (of the groups, where ``fit`` is given groups) that decides which epoch
            is kept, 0 for none; dimensionless.
        random_state: seed of the first weights, of the order of the sets, of sub-samples and of the validation part;
            the same whole number gives the same bits on the CPU.
        verbose: show a progress bar.

    Attributes:
        run_: the fitted `setwise.training.Run`; ``run_.save(directory)`` keeps it for the command line.
        n_features_in_: D, features of an element.
        n_iter_: epochs done, by all members of an ensemble together.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(size=(n, 2)) for n in rng.integers(1, 20, 64)]
        >>> y = [x.mean() for x in sets]
        >>> regressor = SetRegressor("deep-sets++", depth=2, width=16, epochs=3, random_state=0).fit(sets, y)
        >>> regressor.predict(sets).shape
        (64,)
    """

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
            groups=groups,
            covariates=covariates,
            validation=validation,
            sample_weight=sample_weight,
        )
        self.n_outputs_ = 1 if values.ndim == 1 else values.shape[1]
        self._one_column = values.ndim == 1
        return self

    def predict(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Predicted targets ``(B,)`` or ``(B, T)``, as ``y`` was."""
        predicted = self._predicted(X, covariates)
        return predicted[:, 0] if self._one_column else predicted

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, covariates: Any = None) -> float:
        """R^2 of the predictions, the mean over targets where there are several."""
        check_order(X, y=y)
        return float(r2_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))


class SetClassifier(ClassifierMixin, _SetEstimator):
    """Predict one of several classes per set, or several labels at once.

    Arguments and attributes as for `SetRegressor`, and

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
        for T labels that do not exclude each other. Classes that shall count alike have
        ``sample_weight=sklearn.utils.class_weight.compute_sample_weight("balanced", y)``.
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
        )
        if several:
            self._column = list(np.cumsum([0, *(head.width for head in self.run_.objective.heads[:-1])]) + 1)
            return self
        (head,) = self.run_.objective.heads
        assert isinstance(head, Classification)
        self._column = [head.classes.index(name) for name in self._names or ()]
        return self

    def _one(self, y: Any, held: Any) -> tuple[dict[str, pa.Array], dict[str, pa.Array] | None]:
        """Labels as a column of names."""
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
        """Several labels as a column each."""
        targets = flags(y)
        self.classes_ = np.arange(len(targets))
        self._names = None
        return targets, None if held is None else flags(held)

    def predict_proba(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Probabilities ``(B, K)``, columns as in ``classes_``, rows adding up to one; of several labels ``(B, T)``."""
        return self._predicted(X, covariates)[:, self._column]

    def predict(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """The most probable class of each set ``(B,)``; of several labels ``(B, T)``, 1 for the more probable ones."""
        probabilities = self.predict_proba(X, covariates=covariates)
        if self._names is None:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, covariates: Any = None) -> float:
        """Accuracy of the predictions; of several labels, share of the sets of which all are right."""
        check_order(X, y=y)
        return float(accuracy_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))
