"""Describe models of summaries of sets."""

from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from setwise._checks import InputError
from setwise.models.spec import Spec


def _as_tuples(values: Any) -> Any:
    return tuple(tuple(pair) for pair in values) if isinstance(values, list | tuple) else values


class SummarySpec(Spec):
    """A model of a summary of each set: the summary, the covariates beside it, and what was fitted to the table.

    Attributes:
        heads: the link from what was fitted to the outputs, and how many these are, of each target; the fit says them.
    """

    heads: Annotated[tuple[tuple[str, int], ...], BeforeValidator(_as_tuples)] = ()

    @model_validator(mode="after")
    def _is_of_sets(self) -> "SummarySpec":
        if self.output != "sets":
            raise InputError(
                f"{self.family} predict sets as a whole, not their elements. Choose a network (--model deep-sets++)."
            )
        return self

    @property
    def hidden(self) -> int:
        return self.in_features

    @property
    def kept(self) -> int:
        return self.in_features
