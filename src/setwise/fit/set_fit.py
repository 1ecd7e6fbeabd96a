"""Prepare a fit of sets: its parts, and which classes are drawn alike."""

import numpy as np

from setwise._checks import InputError
from setwise.fit.store_parts import StoreEvaluation, StoreTraining
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.targets.problem import Problem


def of_sets(
    problem: Problem, inputs: Inputs, config: FitConfig, own: FitConfig
) -> tuple[StoreTraining, StoreEvaluation]:
    """Make the training and the validation part of a problem of sets.

    Args:
        problem: targets, split, weights.
        inputs: how sets become what the model takes.
        config: of the run, whose validation sets all members share.
        own: of the member.
    """
    store, objective = problem.store, problem.objective
    rows, held = problem.split.train, problem.split.validation
    train = StoreTraining(
        store,
        rows,
        objective.encode(problem.values[rows]),
        inputs,
        own,
        weights=None if problem.weights is None else problem.weights[rows],
        classes=balanced_classes(problem) if config.balanced_sampling else None,
    )
    validation = StoreEvaluation(
        store,
        held,
        problem.values[held],
        objective=objective,
        inputs=inputs,
        weights=None if problem.weights is None else problem.weights[held],
        max_elements=config.max_elements,
        seed=config.seed,
    )
    return train, validation


def balanced_classes(problem: Problem) -> np.ndarray:
    """Number the classes of the training sets ``(B,)``, NaN where missing, for drawing all of them alike.

    Raises:
        InputError: none, or several targets of classes.
    """
    values = problem.values[problem.split.train]
    found = [target.drawn_alike(values[:, i]) for i, target in enumerate(problem.objective.targets)]
    classes = [numbers for numbers in found if numbers is not None]
    if len(classes) != 1:
        raise InputError(
            f"balanced sampling needs one target of classes, whose classes are drawn alike; got {len(classes)}. "
            "Weigh the classes instead (class_weights='balanced', --class-weights balanced)."
        )
    return classes[0]
