"""Plan an explanation and its cost before it starts: elements that pass through the model."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setwise._checks import InputError
from setwise.explanations.config import ATTENTION, GRADIENTS, LEAVE_ONE_OUT, METHODS, ExplainConfig
from setwise.explanations.deletion import cost_of_deletion
from setwise.explanations.integrated_gradients import cost_of_gradients
from setwise.explanations.leave_one_out import cost_of_leaving_out
from setwise.explanations.more_elements import cost_of_drawing
from setwise.explanations.one_set import load_set, set_models
from setwise.models import Model
from setwise.runs.large_sets import most_elements
from setwise.runs.run import Run
from setwise.store.store import SetStore
from setwise.store.tables import listed


@dataclass(frozen=True)
class Plan:
    """A plan of an explanation, with its cost.

    Attributes:
        rows: of the store, the sets that are explained.
        methods: by which the elements are scored.
        max_elements: elements drawn of larger sets.
        elements: that pass through the model, by what they serve; a gradient counts as three passes.
    """

    rows: np.ndarray
    methods: tuple[str, ...]
    max_elements: int
    elements: dict[str, int]

    @property
    def total(self) -> int:
        """Return the number of elements that pass through the model in all."""
        return sum(self.elements.values())


def plan(run: Run, store: SetStore, config: ExplainConfig, *, only: Sequence[str] | None = None) -> Plan:
    """Choose sets and methods, and count.

    Args:
        run: a fitted model.
        store: the sets.
        config: how they are explained.
        only: names of the sets to explain; by default all, or a draw of ``config.max_sets``.

    Raises:
        InputError: names of sets that are not there; a method that the model does not allow.
    """
    model = set_models(run.model)[0]
    rows, methods = _rows(store, config, only), _methods(run, model, config.methods)
    most = most_elements(run) if config.max_elements is None else min(config.max_elements, most_elements(run))
    sizes = np.minimum(store.sizes[rows], most).tolist()
    cost = {
        LEAVE_ONE_OUT: lambda n: cost_of_leaving_out(model, n, exact_limit=config.exact_limit),
        GRADIENTS: lambda n: cost_of_gradients(n, config.steps),
        ATTENTION: lambda n: n,
    }
    elements = {method: sum(map(cost[method], sizes)) for method in methods}
    elements["deletion"] = sum(cost_of_deletion(n, len(methods) + config.orders) for n in sizes)
    elements["more elements"] = sum(cost_of_drawing(n, config.draws) for n in sizes)
    return Plan(rows, methods, most, elements)


def seconds(run: Run, store: SetStore, chosen: Plan) -> float:
    """Estimate the wall time of a plan on the CPU from the time of one pass of one set."""
    row = int(chosen.rows[np.argsort(store.sizes[chosen.rows])[len(chosen.rows) // 2]])
    one = load_set(run, store, row, max_elements=chosen.max_elements)
    one.outputs()  # compiles, and fills caches
    start = time.perf_counter()
    one.outputs()
    return (time.perf_counter() - start) / len(one) * chosen.total


def _rows(store: SetStore, config: ExplainConfig, only: Sequence[str] | None) -> np.ndarray:
    if only is None:
        rows = np.arange(len(store))
        if len(rows) > config.max_sets:
            rows = np.sort(np.random.default_rng(config.seed).choice(rows, config.max_sets, replace=False))
        return rows
    place = {name: row for row, name in enumerate(store.set_ids)}
    unknown = [name for name in only if name not in place]
    if unknown:
        raise InputError(
            f"sets to explain must be among the data; there is no {listed([repr(name) for name in unknown], 5)}. "
            f"The data have {listed([repr(name) for name in store.set_ids], 5)}."
        )
    return np.asarray([place[name] for name in dict.fromkeys(only)])


def _methods(run: Run, model: Model, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the methods that were asked for, or all that the model allows."""
    reasons = {}
    if not model.has_attention:
        reasons[ATTENTION] = "the model does not pool by attention"
    if not model.has_gradients:
        reasons[GRADIENTS] = f"{type(model).__name__} has no gradients by the elements"
    if run.inputs.categories is not None:
        reasons[GRADIENTS] = "the elements are categories, which have no way between them"
    if asked is None:
        return tuple(method for method in METHODS if method not in reasons)
    for method in asked:
        if method in reasons:
            allowed = ", ".join(name for name in METHODS if name not in reasons)
            raise InputError(f"method {method!r} cannot serve: {reasons[method]}. Choose of {allowed}.")
    return asked
