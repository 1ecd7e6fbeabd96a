"""Measure a run on its test sets, beside baselines."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise.assess.baselines import baseline_predictions
from setwise.assess.subsets import subset_notes
from setwise.assess.summaries import summaries
from setwise.runs.computing import Computing
from setwise.runs.held_out import HeldOut, measured, scored
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.store import columns
from setwise.targets.metrics import undefined
from setwise.targets.problem import Problem
from setwise.targets.truth import truth_columns


def measure(run: Run, problem: Problem, *, baselines: bool = True, intervals: bool = True) -> Run:
    """Return the run with its table of test results and its predictions for the test sets; unchanged without them.

    Args:
        run: a fitted model.
        problem: all sets, their parts and their targets.
        baselines: fit and measure the baselines as well.
        intervals: of the metrics, over groups or sets.
    """
    store, split, values = problem.store, problem.split, problem.values
    if len(split.test) == 0:
        return run
    objective = run.objective
    truth = objective.truth(values[split.test])
    predicted = predictions_of(run, store, split.test, Computing(device=run.record.config.device))
    all_predicted = {run.record.model: predicted}
    if baselines:
        all_predicted |= _baselines(run, problem)
    clusters = columns.clusters(store, problem.group)[split.test]
    owners = None if problem.group is None else clusters
    held_out = HeldOut(objective, truth, {name: [values] for name, values in all_predicted.items()}, clusters)
    rows = measured(held_out, seed=run.record.config.seed).rows if intervals else scored(held_out)
    table = pa.table(
        {
            "set_id": [store.set_ids[row] for row in split.test],
            "size": store.sizes[split.test],
            **truth_columns(objective, values[split.test]),
            **objective.columns(predicted),
        }
    )
    notes = (*run.record.notes, *undefined(objective, truth), *subset_notes(run, problem, predicted))
    conformal = run.record.conformal
    if conformal is not None:
        notes += tuple(conformal.sentences(objective, predicted, truth, what="held-out sets", owners=owners))
        for name, column in conformal.columns(objective, predicted).items():
            table = table.append_column(name, column)
    record = run.record.model_copy(update={"test": rows, "notes": notes})
    return replace(run, record=record, test_predictions=table, held_out=held_out)


def _baselines(run: Run, problem: Problem) -> dict[str, np.ndarray]:
    store, split, values = problem.store, problem.split, problem.values
    fitted_on = np.concatenate([split.train, split.validation])
    covariates = None if run.record.covariates is None else run.record.covariates.apply(store).astype(np.float64)

    def table(rows: np.ndarray) -> np.ndarray:
        return summaries(store, rows, None if covariates is None else covariates[rows])

    return baseline_predictions(
        run.objective,
        summaries=(table(fitted_on), table(split.test)),
        truth=run.objective.truth(values[fitted_on]),
        covariates=None if covariates is None else (covariates[fitted_on], covariates[split.test]),
        weights=np.ones(len(fitted_on)) if problem.weights is None else problem.weights[fitted_on],
        seed=run.record.config.seed,
    )
