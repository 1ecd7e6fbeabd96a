"""Share what all estimators do: the way to a fitted run, its predictions and its metrics."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

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
    covariates_of,
    has_names,
    joined_stores,
    plain,
    read_sets,
    third,
    weights_of,
    with_columns,
)
from setwise.estimators.parameters import FIT, MODEL
from setwise.estimators.saved import described, read_estimator, write_estimator
from setwise.explanations.config import ExplainConfig
from setwise.explanations.explain import Explanation, explain
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.report.page import write_report
from setwise.runs.computing import Computing
from setwise.runs.config import FitConfig
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.conformal import Conformal


class SetEstimator(BaseEstimator):
    """Estimate from sets: arguments, and the way to a fitted run, its predictions and its metrics."""

    model: str
    device: str
    validation_fraction: float | None
    coverage: float | None
    random_state: int | np.random.RandomState | None
    verbose: bool

    def _repr_html_inner(self) -> str:
        """Return scikit-learn's HTML of the parameters, and that of the run below it once there is one."""
        shown = super()._repr_html_inner()
        return shown + self.run_._repr_html_() if hasattr(self, "run_") else shown

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Return what a notebook shows."""
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/html": self._repr_html_inner()} if "text/html" in bundle else bundle

    def save(self, path: str | Path, *, overwrite: bool = False) -> Self:
        """Write the fitted model to a directory, as a run that the command line reads, with what the estimator knows.

        Args:
            path: the directory.
            overwrite: replace a run that is there.

        Raises:
            InputError: a run is there already; labels that cannot be written (dates, tuples).
        """
        run = self._fitted()
        described(self)  # or says why not, before anything is written
        self.run_ = run.save(path, overwrite=overwrite)
        write_estimator(self, Path(path))
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load an estimator that `save` wrote, or a run that `setwise fit` wrote; nothing in it is executed.

        Raises:
            InputError: no run is there, it is damaged, or it predicts what the estimator does not.
        """
        run = Run.load(path)
        found = read_estimator(cls, Path(path))
        if found is None:
            found = cls()
            found.model = run.record.model
            found._adopt(run)
        return found._with_run(run)

    def _with_run(self, run: Run) -> Self:
        self.run_, self.leaderboard_ = run, run.record.leaderboard
        return self

    def _adopt(self, run: Run) -> None:
        """Learn from a run what `fit` would have; a class that has no words for it refuses the run."""
        raise InputError(
            f"{run.path} was not saved by a {type(self).__name__}. Use it by setwise.Run.load and setwise.predict."
        )

    def explain(
        self, X: Any, *, covariates: Any = None, only: Sequence[str] | None = None, **choices: Any
    ) -> Explanation:
        """Score the elements of sets, and measure how far the scores can be trusted (`setwise.explain`).

        Args:
            X: B sets.
            covariates: ``(B, C)`` as in ``fit``, or none.
            only: names of the sets to explain, "0" and so on for sets without names; by default all, or a draw.
            choices: fields of `setwise.explanations.config.ExplainConfig`, such as ``of`` or ``max_elements``.
        """
        run, store = self._fitted(), self._store_for(X, covariates)
        return explain(run, store, config=ExplainConfig(**choices), only=only, device=self.device)

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
        store = with_columns(store, targets, covariates=covariates_of(sets, covariates), groups=groups)
        names = covariate_names(store)
        split = None
        if validation is not None:
            assert held is not None
            wanted = [name for name in targets if name != WEIGHT]
            if list(held) != wanted:
                raise InputError(f"validation must have the {len(wanted)} targets of y; got {len(held)}.")
            if weight_column is not None:
                held = {**held, WEIGHT: pa.array(np.ones(len(next(iter(held.values())))))}
            given = covariates_of(validation[0], third(validation))
            other = with_columns(read_sets(validation[0]), held, covariates=given)
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
        """Set what scikit-learn asks to be known of a fit to a store, and return its run."""
        _warn_of_too_few(run)
        self.n_features_in_ = store.shape[0] if len(store.shape) == 1 else 1
        self.n_iter_ = run.record.epochs
        self.leaderboard_ = run.record.leaderboard
        return run

    def _study(self, **columns: Any) -> Study:
        """Return the study of some columns with what the arguments say of model and fit."""
        given = {p.name: plain(getattr(self, p.name)) for p in FIT}
        for name in ("ensemble", "batch_size"):
            given[name] = given[name] or 0  # as many as the number of training sets asks for
        seed = int(check_random_state(self.random_state).randint(2**31))
        chosen = {p.name: plain(getattr(self, p.name)) for p in MODEL}
        return Study(
            model=self.model,
            model_choices={name: choice for name, choice in chosen.items() if choice is not None},
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

    def _reported(
        self, sets: Any, targets: dict[str, pa.Array], path: str | Path, groups: Any, covariates: Any
    ) -> Path:
        """Save the estimator, and write the report of its run beside it."""
        store = self._store_for(sets, covariates, targets=targets, groups=groups)
        self.save(path, overwrite=True)
        return write_report(self._fitted(), store, command=f"{type(self).__name__}(...).fit(X, y)  # in Python")

    def _learned_shape(self, run: Run) -> None:
        self.n_features_in_ = run.record.shape[0] if len(run.record.shape) == 1 else 1
        self.n_iter_ = run.record.epochs

    def _predicted(self, sets: Any, covariates: Any) -> np.ndarray:
        run, store = self._fitted(), self._store_for(sets, covariates)
        return predictions_of(run, store, np.arange(len(store)), Computing(device=self.device))

    def _store_for(
        self, sets: Any, covariates: Any, *, targets: dict[str, pa.Array] | None = None, groups: Any = None
    ) -> SetStore:
        """Return new sets with the features and the covariates of the fit."""
        run = self._fitted()
        check_order(sets, covariates=covariates, groups=groups)
        covariates = covariates_of(sets, covariates)
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
