"""A fit of elements: its parts, and what does not go with labels of elements."""

from setwise._checks import InputError
from setwise.fit.element_parts import ElementEvaluation, ElementTraining, encode_truth
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


def refuse_for_which_element(problem: Problem, *, calibrate: bool | None, coverage: float | None) -> None:
    """Refuse what is fitted after the weights where one element of each set is meant.

    Raises:
        InputError: such a choice, with the reason.
    """
    if problem.objective.kind == "which-element" and (calibrate or coverage is not None):
        name = "calibrate=True, --calibrate" if calibrate else "coverage=..., --coverage"
        raise InputError(
            "temperatures, intervals and sets of classes are for numbers and classes; which element is meant is "
            f"predicted by probabilities that add up to one over the set. Leave the choice out ({name})."
        )


def check_draws(problem: Problem, config: FitConfig) -> None:
    """Refuse sub-samples where one element of each set is meant, which a draw would mostly lack.

    Raises:
        InputError: sets that are larger than ``max_elements``.
    """
    largest = int(problem.store.sizes.max())
    most = config.max_elements
    if problem.objective.kind == "which-element" and most is not None and most < largest:
        raise InputError(
            f"which element is meant can be learned from whole sets alone; the largest has {largest:,} elements and "
            f"max_elements is {most:,}. Train on whole sets (max_elements=None, --max-elements 0)."
        )


def of_elements(
    problem: Problem, inputs: Inputs, config: FitConfig, own: FitConfig
) -> tuple[ElementTraining, ElementEvaluation]:
    """The training and the validation part of a problem of elements.

    Args:
        problem: labels, split, weights.
        inputs: how sets become what the model takes.
        config: of the run, whose validation sets all members share.
        own: of the member.
    """
    store, split, objective = problem.store, problem.split, problem.objective
    encoded = encode_truth(objective, problem.values)
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
