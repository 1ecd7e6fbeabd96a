"""Fit what a model of sets has to beat: a constant, and linear models and gradient boosting on summaries of the sets.

They see the sets' moments and quantiles (`summaries`) and the covariates, are fitted on the training and validation
sets together, with the weights of the model, and are measured on the same test sets. Each target has models of its own,
fitted on the sets whose label is known; classes in order are taken for classes.
"""

import numpy as np

from setwise.targets.kinds import TARGETS
from setwise.targets.objectives import Objective
from setwise.targets.simple import Role, Table


def baseline_predictions(
    objective: Objective,
    *,
    summaries: tuple[np.ndarray, np.ndarray],
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    covariates: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fit the baselines, and predict the test sets.

    Args:
        objective: what is predicted.
        summaries: ``(B, P)`` of the sets to fit on and of the test sets, with the covariates where there are some.
        truth: ``(B, T)`` of the sets to fit on: numbers, numbers of classes, NaN where missing.
        weights: ``(B,)`` of the sets to fit on, or none where all count alike.
        covariates: ``(B, C)`` of the sets to fit on and of the test sets, by which alone is predicted as well; or none.
        seed: of gradient boosting and of the folds.

    Returns:
        Predictions ``(B, P)`` by name: ``"constant"``, ``"covariates alone"`` where there are some, ``"ridge"``
        (``"logistic regression"`` for classes) and ``"gradient boosting"``.
    """
    weights = np.ones(len(summaries[0])) if weights is None else weights
    fits: dict[str, tuple[Role, tuple[np.ndarray, np.ndarray]]] = {"constant": ("constant", summaries)}
    if covariates is not None:
        fits["covariates alone"] = ("linear", covariates)
    fits |= {" and ".join(linear_models(objective)): ("linear", summaries), "gradient boosting": ("boosted", summaries)}
    truth = truth.reshape(len(summaries[0]), -1)
    return {
        name: predicted_by(objective, role, Table(x, truth, weights, new, None, seed))
        for name, (role, (x, new)) in fits.items()
        if all(role in target.roles for target in objective.targets)
    }


def linear_models(objective: Objective) -> list[str]:
    """Return the names of the linear models of the targets, each once, in the order of the kinds of targets."""
    names = {target.linear for target in objective.targets}
    return [name for name in dict.fromkeys(kind.linear for kind in TARGETS) if name in names]


def predicted_by(objective: Objective, role: Role, table: Table) -> np.ndarray:
    """Return what simple models of all targets say of new rows ``(n, P)``; the table has their truth ``(B, T)``."""
    columns = [table.of(column) for column in table.y.T]
    parts = [target.simple(role, own) for target, own in zip(objective.targets, columns, strict=True)]
    return np.concatenate(parts, axis=1)
