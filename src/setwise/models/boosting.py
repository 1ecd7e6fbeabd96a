"""The family of gradient boosting on summaries of sets: choices, named models, what is tried of it."""

from pydantic import Field

from setwise.models.family import Family, Preset
from setwise.models.summary_spec import SUMMARIES_TRIED, SummarySpec


class BoostingSpec(SummarySpec):
    """A sum of small decision trees, each of which mends those before, on a summary of each set."""

    family = "boosting"

    rounds: int = Field(
        default=300, gt=0, description="trees that are added at most, of each class; as many as serve sets left out"
    )
    shrinkage: float = Field(default=0.05, gt=0, le=1, description="share of each tree that is added")
    depth: int = Field(default=3, gt=0, description="questions that a tree asks of a set")
    leaf: int = Field(default=3, gt=0, description="training sets in a leaf at least")


BOOSTING = Family(
    spec=BoostingSpec,
    network="setwise.models.boosting_network:boosting",
    fitter="setwise.models.boosting_network:fit",
    models={"boosting": Preset({})},
    space={"depth": (2, 3, 5), "summary": SUMMARIES_TRIED},
)
