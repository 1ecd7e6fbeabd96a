"""Enter AutoGluon on moments of each set: many models for tables, and a weighted ensemble of them.

Source: AutoGluon, https://github.com/autogluon/autogluon; Erickson et al. 2020 (arXiv 2003.06505).
"""

import tempfile

import numpy as np

from accuracy.baselines import table_of
from accuracy.entrant import Entrant, Exercise, Predicted
from setwise._checks import InputError

_SECONDS = 60  # a fold


def predict(exercise: Exercise) -> Predicted:
    """Fit AutoGluon's ensemble with its defaults, and predict.

    Raises:
        InputError: several targets.
    """
    import pandas as pd
    from autogluon.tabular import TabularPredictor  # pyright: ignore[reportMissingImports] the extra peers

    problem, table = exercise.problem, table_of(exercise)
    if len(problem.objective.targets) != 1:
        raise InputError(f"AutoGluon predicts one target at a time; there are {len(problem.objective.targets)}.")
    (target,) = problem.objective.targets
    names = [f"x{i}" for i in range(table.x.shape[1])]
    rows, new = pd.DataFrame(table.x, columns=names), pd.DataFrame(table.new, columns=names)
    rows["y"] = table.y[:, 0].astype(int) if target.labels else table.y[:, 0]
    metric = "log_loss" if target.labels else "root_mean_squared_error"
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor("y", eval_metric=metric, path=folder, verbosity=0).fit(rows, time_limit=_SECONDS)
        if target.labels:
            found = predictor.predict_proba(new)
            predicted = np.zeros((len(new), len(target.labels)))
            predicted[:, [int(name) for name in found.columns]] = found.to_numpy()
        else:
            predicted = predictor.predict(new).to_numpy()[:, None]
    return Predicted(problem.objective, problem.truth(problem.split.test), predicted)


AUTOMATIC: tuple[Entrant, ...] = (
    Entrant(
        "autogluon-moments",
        "peer",
        f"AutoGluon on moments, those of its models that are installed, {_SECONDS} seconds a fold",
        predict,
        package="autogluon",
        cost=100.0,
    ),
)
