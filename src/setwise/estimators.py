"""Estimators with scikit-learn's habits: sets in, ``fit``, ``predict``, ``score``."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from setwise._checks import InputError
from setwise.data import SetStore, Split, read
from setwise.data.arrays import check_order, has_labels, is_missing
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
    ) -> Run:
        store = _with_columns(_read(sets), targets, covariates=covariates, groups=groups)
        names = _covariate_names(store)
        split = None
        if validation is not None:
            assert held is not None
            if list(held) != list(targets):
                raise InputError(f"validation must have the {len(targets)} targets of y; got {len(held)}.")
            other = _with_columns(_read(validation[0]), held, covariates=_third(validation))
            _check_covariates(other, names)
            split = Split(*np.split(np.arange(len(store) + len(other)), [len(store), len(store) + len(other)]))
            store = _joined(store, other)
        given = {name: _plain(getattr(self, name)) for name in FitConfig.model_fields if hasattr(self, name)}
        given["ensemble"] = given["ensemble"] or 0  # as many as the number of training sets asks for
        seed = int(check_random_state(self.random_state).randint(2**31))
        run = train(
            store,
            targets=list(targets),
            task=task,
            covariates=names,
            group="group" if groups is not None and split is None else None,
            model=self.model,
            model_choices={n: _plain(getattr(self, n)) for n in _MODEL_CHOICES if getattr(self, n) is not None},
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
        _check_order(sets, covariates=covariates)
        run: Run = self.run_  # pyright: ignore[reportAttributeAccessIssue] set by fit
        store = _with_columns(_read(sets, run.features), {}, covariates=covariates)
        _check_covariates(store, () if run.record.covariates is None else run.record.covariates.names)
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

    def fit(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None, validation: Any = None) -> Self:
        """Fit the model; an earlier fit is forgotten.

        Args:
            X: B sets.
            y: ``(B,)`` or ``(B, T)`` numbers.
            groups: ``(B,)`` what must not be on both sides of the validation split (the patient), or none.
            covariates: ``(B, C)`` features of the sets as a whole, or none; a data frame's are found by their names.
            validation: ``(sets, y)`` or ``(sets, y, covariates)`` to use as the validation part, or none to draw it.

        Raises:
            InputError: sets or targets that cannot be used; the message says which and why.
        """
        _check_order(X, y=y, groups=groups, covariates=covariates)
        values = _numbers(y)
        held = None if validation is None else _named(_numbers(validation[1]))
        self.run_ = self._train(
            X, _named(values), held, task="regression", groups=groups, covariates=covariates, validation=validation
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
        _check_order(X, y=y)
        return float(r2_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))


class SetClassifier(ClassifierMixin, _SetEstimator):
    """Predict one of several classes per set.

    Arguments and attributes as for `SetRegressor`, and

    Attributes:
        classes_: the K classes, sorted.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(i % 2, size=(5 + i % 3, 2)) for i in range(32)]
        >>> y = ["low", "high"] * 16
        >>> classifier = SetClassifier("deep-sets++", depth=2, width=16, epochs=5, random_state=0).fit(sets, y)
        >>> classifier.predict_proba(sets).shape
        (32, 2)
    """

    def fit(self, X: Any, y: Any, *, groups: Any = None, covariates: Any = None, validation: Any = None) -> Self:
        """Fit the model; an earlier fit is forgotten. Arguments as for `SetRegressor`, ``y`` being ``(B,)`` labels."""
        _check_order(X, y=y, groups=groups, covariates=covariates)
        labels = _labels(y)
        classes, number = np.unique(labels, return_inverse=True)
        names = [str(label) for label in classes]
        if len(set(names)) < len(names):
            names = [str(i) for i in range(len(classes))]
        held = None
        if validation is not None:
            held = _named_labels(names, _class_numbers(_labels(validation[1]), classes))
        self.run_ = self._train(
            X,
            _named_labels(names, number),
            held,
            task="classification",
            groups=groups,
            covariates=covariates,
            validation=validation,
        )
        self.classes_ = classes
        (head,) = self.run_.objective.heads
        assert isinstance(head, Classification)
        self._column = [head.classes.index(name) for name in names]
        return self

    def predict_proba(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """Probabilities ``(B, K)``, columns as in ``classes_``; rows add up to one."""
        return self._predicted(X, covariates)[:, self._column]

    def predict(self, X: Any, *, covariates: Any = None) -> np.ndarray:
        """The most probable class of each set ``(B,)``."""
        probabilities = self.predict_proba(X, covariates=covariates)
        return self.classes_[probabilities.argmax(1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, covariates: Any = None) -> float:
        """Accuracy of the predictions."""
        _check_order(X, y=y)
        return float(accuracy_score(y, self.predict(X, covariates=covariates), sample_weight=sample_weight))


def _read(sets: Any, features: Sequence[str] | None = None) -> SetStore:
    """The sets as a store; of a table, which may have other columns, these features where they are given."""
    if issparse(sets) or (isinstance(sets, Sequence) and any(issparse(x) for x in sets)):
        raise TypeError("Sparse input is not supported: sets must be dense arrays. Convert them with x.toarray().")
    if _has_names(sets):
        return read(sets, features=features)
    if hasattr(sets, "__array__"):
        sets = np.asarray(sets)
        ragged = sets.dtype == object and sets.ndim == 1 and all(np.ndim(x) for x in sets)
        return read(list(sets) if ragged else sets)
    return read(sets)


def _has_names(sets: Any) -> bool:
    """Whether the sets are a table, whose sets have names, and not a list of sets or a column of them."""
    return isinstance(sets, str | PathLike) or (hasattr(sets, "__arrow_c_stream__") and getattr(sets, "ndim", 2) == 2)


def _plain(value: Any) -> Any:
    """NumPy's numbers, which grids of parameters are made of, as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _check_order(sets: Any, **columns: Any) -> None:
    """Refuse columns of pandas whose index names the sets of a table in another order: they go by position."""
    if _has_names(sets) and any(has_labels(values) for values in columns.values()):
        check_order(_read(sets).set_ids, **columns)


def _third(validation: Sequence[Any]) -> Any:
    return validation[2] if len(validation) > 2 else None


def _numbers(y: Any) -> np.ndarray:
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None. Give one target per set.")
    values = np.asarray(y)
    if values.dtype.kind == "c":
        raise InputError("y must be real numbers. Complex data not supported.")
    if values.dtype.kind == "O":
        values = _floats(values, "y")
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2):
        raise InputError(f"y must be numbers of shape (B,) or (B, T); got {values.dtype} of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise InputError("y must be finite numbers; it holds NaN or infinity. Leave out sets without a target.")
    return values.astype(np.float64)


def _floats(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error


def _named(values: np.ndarray) -> dict[str, pa.Array]:
    if values.ndim == 1:
        return {"target": pa.array(values)}
    return {f"target {i}": pa.array(np.ascontiguousarray(values[:, i])) for i in range(values.shape[1])}


def _labels(y: Any) -> np.ndarray:
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None. Give one label per set.")
    if any(is_missing(label) for label in np.asarray(y, dtype=object).ravel().tolist()):
        raise InputError("y must be labels; it holds None or NaN. Leave out sets without a label.")
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("y must be labels; it holds NaN or infinity. Leave out sets without a label.")
    check_classification_targets(labels)
    return labels


def _class_numbers(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        raise InputError(f"validation labels must be among those of y; {labels[unknown][0]!r} is not.")
    return np.searchsorted(classes, labels)


def _named_labels(names: list[str], number: np.ndarray) -> dict[str, pa.Array]:
    return {"target": pa.array([names[i] for i in number], pa.string())}


def _with_columns(store: SetStore, targets: dict[str, pa.Array], *, covariates: Any, groups: Any = None) -> SetStore:
    """The store with these columns for its sets, beside their names, and no others."""
    columns = dict(targets)
    if covariates is not None:
        values = _floats(covariates, "covariates")
        if values.ndim != 2:
            raise InputError(f"covariates must have shape (B, C); got {values.shape}.")
        names = [f"covariate {name}" for name in getattr(covariates, "columns", range(values.shape[1]))]
        if len(set(names)) < len(names):
            raise InputError("covariates must have columns of different names. Rename them.")
        columns |= {name: pa.array(np.ascontiguousarray(values[:, i])) for i, name in enumerate(names)}
    if groups is not None:
        groups = np.asarray(groups, dtype=object)
        if any(is_missing(group) for group in groups.ravel().tolist()):
            raise InputError("groups must have a value for every set; one is missing. Give each set its group.")
        columns["group"] = pa.array([str(group) for group in groups])
    for name, column in columns.items():
        if len(column) != len(store):
            raise InputError(
                f"{name.split()[0]} must have one entry per set: inconsistent numbers of samples, "
                f"{len(store)} sets and {len(column)} entries."
            )
    return store.with_sets(pa.table({"set_id": store.set_ids, **columns}))


def _covariate_names(store: SetStore) -> list[str]:
    return [name for name in store.sets.column_names if name.startswith("covariate ")]


def _check_covariates(store: SetStore, wanted: Sequence[str]) -> None:
    """Refuse other covariates than those of the fit; their order is of no matter where they have names."""
    got = _covariate_names(store)
    if sorted(got) != sorted(wanted):
        fitted, given = (", ".join(n.removeprefix("covariate ") for n in names) or "none" for names in (wanted, got))
        raise InputError(f"covariates must be those that the model was fitted with: {fitted}; got {given}.")


def _joined(first: SetStore, second: SetStore) -> SetStore:
    """The sets of two stores as one, named by their positions."""
    if (first.shape, first.features) != (second.shape, second.features):
        raise InputError(
            f"validation sets must have the elements of the training sets, {first.shape}; got {second.shape}."
        )
    columns = [name for name in second.sets.column_names if name != "set_id"]  # groups are of the first alone
    sets = pa.concat_tables([first.sets.select(columns), second.sets.select(columns)])
    names = pa.array([str(i) for i in range(sets.num_rows)])
    elements = [store.elements(row) for store in (first, second) for row in range(len(store))]
    sizes = np.concatenate([first.sizes, second.sizes])
    return SetStore(np.concatenate(elements), sizes, sets.add_column(0, "set_id", names), features=list(first.features))
