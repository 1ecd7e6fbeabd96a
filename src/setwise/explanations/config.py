"""Configure an explanation: every number that decides it, in one frozen record."""

from dataclasses import dataclass

from setwise._checks import InputError, check_choice, check_positive
from setwise.explanations.answer import SCALES

LEAVE_ONE_OUT, GRADIENTS, ATTENTION = "leave_one_out", "integrated_gradients", "attention"
METHODS = (LEAVE_ONE_OUT, GRADIENTS, ATTENTION)
SIGNED = (LEAVE_ONE_OUT, GRADIENTS)  # methods whose scores say which way an element pushes the answer


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Configuration of an explanation.

    Attributes:
        of: the class or target that is explained; by default the predicted class of each set, or the first target.
        scale: what scores of a class add up to, "log-odds" or "probability".
        methods: of `METHODS`; by default all that the model allows.
        exact_limit: elements up to which leaving one out is computed by passing n sets of n - 1 through the model.
        steps: gradients along the path of integrated gradients.
        orders: random orders that deletion is compared with.
        draws: random parts of each size, for the question of more elements.
        max_elements: elements drawn of larger sets, or none for what memory allows.
        max_sets: sets drawn of larger data.
        seed: of all draws.
    """

    of: str | None = None
    scale: str = "log-odds"
    methods: tuple[str, ...] | None = None
    exact_limit: int = 1000
    steps: int = 32
    orders: int = 10
    draws: int = 20
    max_elements: int | None = None
    max_sets: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, SCALES)
        for method in self.methods or ():
            check_choice("method", method, METHODS)
        if self.methods == ():
            raise InputError(f"methods must name one at least of {', '.join(METHODS)}; got none.")
        check_positive(steps=self.steps, orders=self.orders, draws=self.draws, max_sets=self.max_sets)
        if self.max_elements is not None:
            check_positive(max_elements=self.max_elements)
        if self.steps % 2:
            raise InputError(f"steps must be even, since nodes come in pairs; got {self.steps}.")
        if self.exact_limit < 0:
            raise InputError(f"exact_limit must be at least zero; got {self.exact_limit}.")
