"""Runs with temperatures and coverage: what is fitted after the weights, on other sets than they were."""

from dataclasses import replace

import numpy as np

from setwise._checks import InputError
from setwise.training.calibration import fit_temperature
from setwise.training.conformal import Conformal
from setwise.training.heads import Classification
from setwise.training.outputs import outputs_for, predictions_of
from setwise.training.problem import Problem
from setwise.training.run import Run


def with_temperatures(run: Run, problem: Problem) -> Run:
    """The run with a temperature for each target of classes, fitted on its validation part.

    The validation part also chose the epoch, so that the temperature may be a little too low; it is one number.
    Numbers and classes in order stay as they are.

    Args:
        run: a fitted model.
        problem: the sets, their parts and targets.

    Raises:
        InputError: there is no validation part.
    """
    rows = problem.split.validation
    if not len(rows):
        raise InputError(
            "temperatures are fitted on the validation part, and there is none. "
            "Leave it some sets (validation=0.15, --validation 0.15), or leave the calibration out."
        )
    outputs = outputs_for(run, problem.store, rows, device=run.record.config.device).double().numpy()
    truth = run.objective.truth(problem.values[rows])
    heads, start = [], 0
    for column, head in enumerate(run.objective.heads):
        known = ~np.isnan(truth[:, column])
        if isinstance(head, Classification) and known.any():
            own = outputs[known][..., start : start + head.out_features]
            heads.append(
                head.model_copy(update={"temperature": fit_temperature(own, truth[known, column].astype(int))})
            )
        else:
            heads.append(head)
        start += head.out_features
    objective = run.objective.model_copy(update={"heads": tuple(heads)})
    return replace(run, record=run.record.model_copy(update={"objective": objective}))


def with_coverage(run: Run, problem: Problem, rows: np.ndarray, coverage: float) -> Run:
    """The run with intervals and sets of classes, from sets that served nothing else.

    Args:
        run: a fitted model, its temperatures fitted.
        problem: the sets, their parts and targets.
        rows: of the calibration sets; there may be none.
        coverage: between 0 and 1.
    """
    objective = run.objective
    predicted = np.zeros((0, objective.width))
    truth = np.zeros((0, len(objective.heads)))
    if len(rows):
        predicted = predictions_of(run, problem.store, rows, device=run.record.config.device)
        truth = objective.truth(problem.values[rows])
    conformal = Conformal.fit(objective, predicted, truth, coverage)
    names = problem.store.set_ids
    split = run.record.split.model_copy(update={"calibration": tuple(names[row] for row in rows)})
    return replace(run, record=run.record.model_copy(update={"conformal": conformal, "split": split}))
