"""What both estimators share: their arguments, and the way to a fitted run, its predictions and its metrics."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from setwise._checks import InputError
from setwise.assess.evaluate import Evaluation, evaluate
from setwise.estimators.inputs import (
    WEIGHT,
    check_covariates,
    check_order,
    covariate_names,
    has_names,
    joined_stores,
    plain,
    read_sets,
    third,
    weights_of,
    with_columns,
)
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.runs.config import FitConfig
from setwise.runs.outputs import Computing, predictions_of
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.conformal import Conformal

_MODEL_CHOICES = ("depth", "width", "norm", "residual", "path", "pool", "heads", "inducing")


class SetEstimator(BaseEstimator):
    """What both estimators share."""

    def __init__(
        self,
        model: str = "deep-sets++",
        *,
        depth: int | None = None,
        width: int | None = None,
        norm: str | None = None,
        residual: str | None = None,
        path: str | None = None,
        pool: str | None = None,
        heads: int | None = None,
        inducing: int | None = None,
        epochs: int = 100,
        batch_size: int | None = None,
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
        validation_fraction: float | None = None,
        coverage: float | None = None,
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
        self.coverage = coverage
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
        **choices: Any,
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
        study = self._study(
            targets=[name for name in targets if name != WEIGHT],
            task=task,
            weight_column=weight_column,
            covariates=names,
            group="group" if groups is not None and split is None else None,
            **choices,
        )
        return self._learned(train(store, study, split=split, baselines=False, progress=self.verbose), store)

    def _learned(self, run: Run, store: SetStore) -> Run:
        """The run of a fit to a store, after what scikit-learn asks to be known of it is set."""
        _warn_of_too_few(run)
        self.n_features_in_ = store.shape[0] if len(store.shape) == 1 else 1
        self.n_iter_ = run.record.epochs
        return run

    def _study(self, **columns: Any) -> Study:
        """Return the study of some columns with what the arguments say of model and fit."""
        given = {name: plain(getattr(self, name)) for name in FitConfig.model_fields if hasattr(self, name)}
        for name in ("ensemble", "batch_size"):
            given[name] = given[name] or 0  # as many as the number of training sets asks for
        seed = int(check_random_state(self.random_state).randint(2**31))
        return Study(
            model=self.model,
            model_choices={n: plain(getattr(self, n)) for n in _MODEL_CHOICES if getattr(self, n) is not None},
            config=FitConfig.checked(**{**given, "seed": seed}),
            validation=self.validation_fraction,
            test=0.0,
            coverage=plain(self.coverage),
            **columns,
        )

    def _fitted(self) -> Run:
        check_is_fitted(self, "run_")
        return self.run_  # pyright: ignore[reportAttributeAccessIssue] set by fit

    def _conformal(self) -> Conformal:
        conformal = self._fitted().record.conformal
        if conformal is None:
            name = type(self).__name__
            raise RuntimeError(f"this needs a coverage, from sets kept for it in fit: {name}(coverage=0.9).")
        return conformal

    def _evaluated(self, sets: Any, targets: dict[str, pa.Array], groups: Any, covariates: Any) -> Evaluation:
        run = self._fitted()
        store = self._store_for(sets, covariates, targets=targets, groups=groups)
        by = "group" if groups is not None else None
        run = replace(run, record=run.record.model_copy(update={"group": by}))
        found = evaluate(run, store, device=self.device)
        return found if has_names(sets) else replace(found, known_sets=0)  # sets without names have positions for names

    def _predicted(self, sets: Any, covariates: Any) -> np.ndarray:
        run, store = self._fitted(), self._store_for(sets, covariates)
        return predictions_of(run, store, np.arange(len(store)), Computing(device=self.device))

    def _store_for(
        self, sets: Any, covariates: Any, *, targets: dict[str, pa.Array] | None = None, groups: Any = None
    ) -> SetStore:
        """New sets with the features and the covariates of the fit."""
        run = self._fitted()
        check_order(sets, covariates=covariates, groups=groups)
        store = with_columns(read_sets(sets, run.features), targets or {}, covariates=covariates, groups=groups)
        check_covariates(store, () if run.record.covariates is None else run.record.covariates.names)
        return store


def _warn_of_too_few(run: Run) -> None:
    """Warn of targets whose calibration sets are too few to promise anything."""
    conformal = run.record.conformal
    if conformal is not None and None in conformal.quantiles:
        nothing = np.zeros((0, run.objective.width)), np.zeros((0, len(run.objective.targets)))
        for sentence in conformal.sentences(run.objective, *nothing, what="sets"):
            warnings.warn(sentence, stacklevel=5)
