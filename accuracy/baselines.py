"""Enter baselines: a constant, and linear models and trees of scikit-learn on moments and quantiles of each set."""

from functools import partial

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from accuracy.entrant import Entrant, Exercise, Predicted
from setwise.assess.baselines import predicted_by
from setwise.assess.summaries import summaries
from setwise.prepare.covariates import Covariates
from setwise.targets.simple import Role, Table
from setwise.targets.target import Target

_TREES = 200
Trees = tuple[
    type[ExtraTreesClassifier] | type[RandomForestClassifier], type[ExtraTreesRegressor] | type[RandomForestRegressor]
]


def table_of(exercise: Exercise) -> Table:
    """Return summaries and covariates of the training sets with their truth, and those of the test sets."""
    problem, store, names = exercise.problem, exercise.store, exercise.dataset.covariates
    train, test = problem.split.train, problem.split.test
    covariates = Covariates.fit(store, names, train).apply(store) if names else np.zeros((len(store), 0))
    x, new = (summaries(store, rows, covariates[rows]) for rows in (train, test))
    return Table(x, problem.truth(train), np.ones(len(train)), new, None, exercise.seed)


def simple(exercise: Exercise, *, role: Role) -> Predicted:
    """Predict by one of the simple models that every `setwise fit` shows beside its own."""
    objective = exercise.problem.objective
    return _predicted(exercise, predicted_by(objective, role, table_of(exercise)))


def trees(exercise: Exercise, *, kinds: Trees) -> Predicted:
    """Predict by an ensemble of trees of scikit-learn, its settings those of scikit-learn but for their number."""
    table = table_of(exercise)
    parts = [
        _trees_of(target, table.of(column).known(), kinds)
        for target, column in zip(exercise.problem.objective.targets, table.y.T, strict=True)
    ]
    return _predicted(exercise, np.concatenate(parts, axis=1))


def _trees_of(target: Target, table: Table, kinds: Trees) -> np.ndarray:
    """Return predictions ``(n, P)`` of one target by trees."""
    classifier, regressor = kinds
    if not target.labels:
        return regressor(_TREES, random_state=table.seed).fit(table.x, table.y).predict(table.new)[:, None]
    model = classifier(_TREES, random_state=table.seed).fit(table.x, table.y.astype(int))
    shares = np.zeros((len(table.new), len(target.labels)))
    shares[:, np.asarray(model.classes_, int)] = model.predict_proba(table.new)
    return shares


def _predicted(exercise: Exercise, predicted: np.ndarray) -> Predicted:
    problem = exercise.problem
    return Predicted(problem.objective, problem.truth(problem.split.test), predicted)


CONSTANT = Entrant(
    "constant", "baseline", "the shares of the classes, or the mean", partial(simple, role="constant"), cost=0.1
)
BASELINES: tuple[Entrant, ...] = (
    CONSTANT,
    Entrant(
        "moments-linear",
        "baseline",
        "ridge or logistic regression on moments",
        partial(simple, role="linear"),
        cost=1.5,
    ),
    Entrant("moments-boosting", "baseline", "gradient boosting on moments", partial(simple, role="boosted"), cost=3.0),
    Entrant(
        "moments-forest",
        "baseline",
        f"random forest of scikit-learn, {_TREES} trees, on moments",
        partial(trees, kinds=(RandomForestClassifier, RandomForestRegressor)),
    ),
    Entrant(
        "moments-extra-trees",
        "baseline",
        f"extremely randomised trees of scikit-learn, {_TREES} of them, on moments",
        partial(trees, kinds=(ExtraTreesClassifier, ExtraTreesRegressor)),
    ),
)
