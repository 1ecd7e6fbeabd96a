"""A run measured on its test sets, beside what it has to beat."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise.data import columns
from setwise.data.splits import Split
from setwise.data.store import SetStore
from setwise.training.baselines import baseline_rows, constant_prediction
from setwise.training.metrics import score
from setwise.training.outputs import predictions_of
from setwise.training.record import TestRow
from setwise.training.run import Run
from setwise.training.summaries import summaries
from setwise.training.targets import truth_columns


def measure(run: Run, store: SetStore, split: Split, values: np.ndarray, *, baselines: bool = True) -> Run:
    """The run with its table of test results and its predictions for the test sets; unchanged without test sets.

    Args:
        run: a fitted model.
        store: all sets.
        split: rows of the parts.
        values: targets of all sets.
        baselines: fit and measure the baselines as well.
    """
    if len(split.test) == 0:
        return run
    objective = run.objective
    truth = objective.truth(values[split.test])
    predicted = predictions_of(run, store, split.test, device=run.record.config.device)
    rows = [TestRow(name=run.record.model, metrics=score(objective, predicted, truth))]
    if baselines:
        rows += _baselines(run, store, split, values, truth)
    table = pa.table(
        {
            "set_id": [store.set_ids[row] for row in split.test],
            "size": store.sizes[split.test],
            **truth_columns(objective, values[split.test]),
            **objective.columns(predicted),
        }
    )
    record = run.record.model_copy(update={"test": tuple(rows)})
    return replace(run, record=record, test_predictions=table)


def _baselines(run: Run, store: SetStore, split: Split, values: np.ndarray, truth: np.ndarray) -> tuple[TestRow, ...]:
    fitted_on = np.concatenate([split.train, split.validation])
    names = () if run.record.covariates is None else run.record.covariates.names
    covariates = columns.covariates(store, names) if names else None

    def table(rows: np.ndarray) -> np.ndarray:
        return summaries(store, rows, None if covariates is None else covariates[rows])

    return baseline_rows(
        run.objective,
        summaries=(table(fitted_on), table(split.test)),
        truth=(run.objective.truth(values[fitted_on]), truth),
        constant=constant_prediction(run.objective, run.objective.truth(values[split.train])),
        seed=run.record.config.seed,
    )
