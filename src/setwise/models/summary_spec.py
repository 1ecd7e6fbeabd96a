"""Describe models of summaries of sets."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from setwise._checks import InputError
from setwise.models.spec import SomeOf, Spec
from setwise.variants import SUMMARIES

SUMMARIES_TRIED = ("moments", "moments+codebook", "moments+codebook+fourier", "fourier")  # by a search


def _as_tuples(values: Any) -> Any:
    return tuple(tuple(pair) for pair in values) if isinstance(values, list | tuple) else values


class SummarySpec(Spec):
    """A model of a summary of each set: the summary, the covariates beside it, and what was fitted to the table.

    Attributes:
        heads: the link from what was fitted to the outputs, and how many these are, of each target; the fit says them.
    """

    summary: Annotated[str, SomeOf(tuple(SUMMARIES))] = Field(
        default="moments",
        description="numbers that a set is summarised in; + puts several side by side, as in moments+codebook",
    )
    heads: Annotated[tuple[tuple[str, int], ...], BeforeValidator(_as_tuples)] = ()

    @model_validator(mode="after")
    def _is_of_sets(self) -> "SummarySpec":
        if self.output != "sets":
            raise InputError(
                f"{self.family} predict sets as a whole, not their elements. Choose a network (--model deep-sets++)."
            )
        return self

    @property
    def summaries(self) -> tuple[str, ...]:
        """Return the words of the summary."""
        return tuple(self.summary.split("+"))

    @property
    def hidden(self) -> int:
        from setwise.layers.summaries.make import make_summary  # torch, which describing a model does not wait for

        return make_summary(self.summaries).held(sum(self.categories or (self.in_features,)))

    @property
    def kept(self) -> int:
        return self.in_features
