"""Prepare a fit of elements: its parts, and what does not go with labels of elements."""

from setwise._checks import InputError
from setwise.fit.element_parts import ElementEvaluation, ElementTraining
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.targets.problem import Problem

_NOT_FOR_ELEMENTS = {
    "order": "classes of elements have no order here (orders=..., --order)",
    "balanced_sampling": "sets are drawn, not elements, so classes of elements cannot be drawn alike "
    "(--balanced-sampling); weigh them (class_weights='balanced', --class-weights balanced)",
}


def refuse_for_elements(**asked: object) -> None:
    """Refuse choices that do not go with labels of elements.

    Raises:
        InputError: the first of them, with the reason.
    """
    for name, value in asked.items():
        if value:
            raise InputError(f"labels of elements: {_NOT_FOR_ELEMENTS[name]}. Leave the choice out.")


def of_elements(
    problem: Problem, inputs: Inputs, config: FitConfig, own: FitConfig
) -> tuple[ElementTraining, ElementEvaluation]:
    """Make the training and the validation part of a problem of elements.

    Args:
        problem: labels, split, weights.
        inputs: how sets become what the model takes.
        config: of the run, whose validation sets all members share.
        own: of the member.
    """
    store, split, objective = problem.store, problem.split, problem.objective
    encoded = objective.scaled(problem.values)
    train = ElementTraining(store, split.train, encoded, inputs, own, weights=problem.weights)
    validation = ElementEvaluation(
        store,
        split.validation,
        problem.values,
        objective=objective,
        inputs=inputs,
        weights=problem.weights,
        max_elements=config.max_elements,
        seed=config.seed,
    )
    return train, validation
