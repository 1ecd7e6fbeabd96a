"""Measure a run on its test sets, beside baselines."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from setwise.assess.assess import assess
from setwise.assess.baselines import baseline_predictions
from setwise.assess.element_baselines import element_baselines
from setwise.assess.subsets import subset_notes
from setwise.assess.summaries import summaries
from setwise.runs.computing import Computing
from setwise.runs.held_out_table import with_groups
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.targets.problem import Problem


def measure(
    run: Run,
    problem: Problem,
    others: Mapping[str, Run],
    *,
    baselines: bool = True,
    intervals: bool = True,
    places: np.ndarray | None = None,
) -> Run:
    """Return the run with its table of test results and its predictions for the test sets; unchanged without them.

    Args:
        run: a fitted model.
        problem: all sets, their parts and their targets.
        others: runs that are measured beside it, by name; they predict sets.
        baselines: fit and measure the baselines as well.
        intervals: of the metrics, over groups or sets.
        places: which elements of the store are measured, as for `setwise.assess.assess.assess`.
    """
    record, test = run.record, problem.split.test
    if len(test) == 0:
        return run
    how = Computing(device=record.config.device, seed=record.config.seed)

    def rivals(positions: np.ndarray) -> dict[str, np.ndarray]:
        beside = {name: predictions_of(other, problem.store, positions, how) for name, other in others.items()}
        return beside | (_baselines(run, problem, positions) if baselines else {})

    found = assess(
        run,
        problem.store,
        problem.values,
        test,
        how,
        places=places,
        rivals=rivals,
        intervals=intervals,
        which="held-out ",
    )
    notes = (*record.notes, *found.notes)
    if problem.of == "sets":
        notes += subset_notes(run, problem, found.held_out.predicted[record.model][0])
    record = record.model_copy(update={"test": found.rows, "notes": notes})
    table = with_groups(found.predictions, problem.store, run.record.group)
    return replace(run, record=record, test_predictions=table, held_out=found.held_out)


def _baselines(run: Run, problem: Problem, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Return predictions of the baselines for the sets, or the elements, at some positions of the store."""
    store, split, values = problem.store, problem.split, problem.values
    fitted_on = np.concatenate([split.train, split.validation])
    covariates = None if run.record.covariates is None else run.record.covariates.apply(store).astype(np.float64)
    if problem.of == "elements":
        return element_baselines(
            run.objective,
            store,
            values,
            fitted_on=fitted_on,
            tested=split.test,
            positions=positions,
            covariates=covariates,
            weights=problem.weights,
            seed=run.record.config.seed,
        )

    def table(rows: np.ndarray) -> np.ndarray:
        return summaries(store, rows, None if covariates is None else covariates[rows])

    return baseline_predictions(
        run.objective,
        summaries=(table(fitted_on), table(positions)),
        truth=run.objective.truth(values[fitted_on]),
        covariates=None if covariates is None else (covariates[fitted_on], covariates[positions]),
        weights=np.ones(len(fitted_on)) if problem.weights is None else problem.weights[fitted_on],
        seed=run.record.config.seed,
    )
