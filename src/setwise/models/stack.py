"""The family of stacks: weighted means of models of several families, weighed by what they say of unseen sets."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf

from setwise.models.family import VERY_FEW, Candidate, Family, Preset
from setwise.models.spec import OneOf, Spec

_DRAWN = 512  # elements that networks draw of larger sets, other ones in each epoch; docs/log.md
EFFORTS = ("quick", "default", "best")


def _as_tuples(values: Any) -> Any:
    return tuple(map(_as_tuples, values)) if isinstance(values, list | tuple) else values


class StackSpec(Spec):
    """A weighted mean of the predictions of several models.

    Attributes:
        parts: specifications of the models; the fit chooses them.
        heads: what the outputs of each target stand for (`setwise.models.family.Head`), and how many these are.
        weights: of the parts, adding up to one, for each target.
        temperatures: by which logits of classes of the parts are divided, for each target.
    """

    family = "stack"

    effort: Annotated[str, OneOf(EFFORTS)] = Field(
        default="default",
        description=f"models that are tried: all but networks and forests (quick), from {VERY_FEW} training sets on a "
        "network as well (default), all, and several networks (best)",
    )
    parts: Annotated[tuple[InstanceOf[Spec], ...], BeforeValidator(_as_tuples)] = ()
    heads: Annotated[tuple[tuple[str, int], ...], BeforeValidator(_as_tuples)] = ()
    weights: Annotated[tuple[tuple[float, ...], ...], BeforeValidator(_as_tuples)] = ()
    temperatures: Annotated[tuple[tuple[float, ...], ...], BeforeValidator(_as_tuples)] = ()

    def to_dict(self) -> dict[str, Any]:
        plain = self.model_copy(update={"parts": ()})
        return {**super(StackSpec, plain).to_dict(), "parts": [part.to_dict() for part in self.parts]}

    @property
    def hidden(self) -> int:
        return max([self.in_features, *(part.hidden for part in self.parts)])

    @property
    def kept(self) -> int:
        return max([self.in_features, *(part.kept for part in self.parts)])

    @property
    def crosses_sets(self) -> str | None:
        return next((part.crosses_sets for part in self.parts if part.crosses_sets), None)


STACK = Family(
    spec=StackSpec,
    network="setwise.models.stack_network:stack",
    models={"auto": Preset({})},
    candidates=(
        Candidate("linear", "quantiles of features and kinds of elements (codebook, embedding), added up"),
        Candidate("kernel", "quantiles of features and kinds of elements, by likeness of whole sets"),
        Candidate("mean-embedding", "how elements are distributed, by likeness of whole distributions"),
        Candidate("extra-trees", "mean, spread and quantiles of features, in combinations", of_few={"trees": 100}),
        Candidate(
            "extra-trees-root",
            "mean, spread and quantiles of features, few of them at a time",
            of_few={"trees": 100},
            for_numbers="extra-trees",
        ),
        Candidate(
            "random-forest",
            "mean, spread and quantiles of features, in combinations of thresholds",
            of_few={"trees": 100},
            efforts=("best",),
        ),
        Candidate(
            "boosting",
            "mean, spread and quantiles of features, by a sum of small trees",
            choices={"rounds": 100, "shrinkage": 0.1},
        ),
        Candidate(
            "deep-sets++",
            "what a network finds in elements, each by itself",
            choices={"max_elements": _DRAWN},
            of_few={"epochs": 30},
            efforts=("default", "best"),
            fewest=VERY_FEW,
        ),
        Candidate(
            "set-transformer++",
            "what a network finds in elements beside each other",
            choices={"max_elements": _DRAWN},
            efforts=("best",),
        ),
    ),
)
