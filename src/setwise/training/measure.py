"""A run measured on its test sets, beside what it has to beat."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise.training.baselines import baseline_rows
from setwise.training.metrics import score, undefined
from setwise.training.outputs import predictions_of
from setwise.training.problem import Problem
from setwise.training.record import TestRow
from setwise.training.run import Run
from setwise.training.summaries import summaries
from setwise.training.targets import truth_columns


def measure(run: Run, problem: Problem, *, baselines: bool = True) -> Run:
    """The run with its table of test results and its predictions for the test sets; unchanged without test sets.

    Args:
        run: a fitted model.
        problem: all sets, their parts and their targets.
        baselines: fit and measure the baselines as well.
    """
    store, split, values = problem.store, problem.split, problem.values
    if len(split.test) == 0:
        return run
    objective = run.objective
    truth = objective.truth(values[split.test])
    predicted = predictions_of(run, store, split.test, device=run.record.config.device)
    rows = [TestRow(name=run.record.model, metrics=score(objective, predicted, truth))]
    if baselines:
        rows += _baselines(run, problem, truth)
    table = pa.table(
        {
            "set_id": [store.set_ids[row] for row in split.test],
            "size": store.sizes[split.test],
            **truth_columns(objective, values[split.test]),
            **objective.columns(predicted),
        }
    )
    record = run.record.model_copy(update={"test": tuple(rows), "notes": tuple(undefined(objective, truth))})
    return replace(run, record=record, test_predictions=table)


def _baselines(run: Run, problem: Problem, truth: np.ndarray) -> tuple[TestRow, ...]:
    store, split, values = problem.store, problem.split, problem.values
    fitted_on = np.concatenate([split.train, split.validation])
    covariates = None if run.record.covariates is None else run.record.covariates.apply(store).astype(np.float64)

    def table(rows: np.ndarray) -> np.ndarray:
        return summaries(store, rows, None if covariates is None else covariates[rows])

    return baseline_rows(
        run.objective,
        summaries=(table(fitted_on), table(split.test)),
        truth=(run.objective.truth(values[fitted_on]), truth),
        covariates=None if covariates is None else (covariates[fitted_on], covariates[split.test]),
        weights=np.ones(len(fitted_on)) if problem.weights is None else problem.weights[fitted_on],
        seed=run.record.config.seed,
    )
