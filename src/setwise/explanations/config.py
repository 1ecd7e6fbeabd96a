"""Configure an explanation: every number that decides it, in one frozen record."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from setwise._checks import InputError, check_choice
from setwise._options import Option, Record

LEAVE_ONE_OUT, GRADIENTS, ATTENTION = "leave_one_out", "integrated_gradients", "attention"
METHODS = (LEAVE_ONE_OUT, GRADIENTS, ATTENTION)
SIGNED = (LEAVE_ONE_OUT, GRADIENTS)  # methods whose scores say which way an element pushes the answer


class ExplainConfig(Record):
    """Configuration of an explanation."""

    of: Annotated[str | None, Option(metavar="CLASS")] = Field(
        default=None,
        description="class or target to explain; by default the predicted class of each set, or the first target",
    )
    scale: Literal["log-odds", "probability"] = Field(
        default="log-odds", description="what scores of a class add up to"
    )
    methods: Annotated[tuple[str, ...] | None, Option(name="method", metavar="A,B,...", syntax="names")] = Field(
        default=None, description=f"{', '.join(METHODS)}; by default all that the model allows"
    )
    exact_limit: int = Field(
        default=1000, ge=0, description="elements up to which leave-one-out is computed anew for each element"
    )
    steps: int = Field(default=32, ge=2, description="gradients along the path of integrated gradients, an even number")
    orders: int = Field(default=10, ge=1, description="random orders that deletion is compared with")
    draws: int = Field(default=20, ge=1, description="random parts of each size, to see whether more would help")
    max_elements: int | None = Field(
        default=None, ge=1, description="elements drawn of larger sets; by default what memory allows"
    )
    max_sets: int = Field(default=50, ge=1, description="sets drawn of larger data")
    seed: int = Field(default=0, ge=0, description="seed of all draws")

    @field_validator("steps")
    @classmethod
    def _even(cls, steps: int) -> int:
        if steps % 2:
            raise InputError(f"steps must be even, since nodes come in pairs; got {steps}.")
        return steps

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for method in methods or ():
            check_choice("method", method, METHODS)
        if methods == ():
            raise InputError(f"methods must name one at least of {', '.join(METHODS)}; got none.")
        return methods
