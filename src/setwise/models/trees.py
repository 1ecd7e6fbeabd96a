"""The family of tree ensembles on summaries of sets: choices, named models, what is tried of it."""

from typing import Annotated

from pydantic import Field

from setwise.models.family import Family, Preset
from setwise.models.spec import OneOf
from setwise.models.summary_spec import SUMMARIES_TRIED, SummarySpec

SPLITS = ("random", "best")


class TreesSpec(SummarySpec):
    """The mean of decision trees on a summary of each set."""

    family = "trees"

    trees: int = Field(default=300, gt=0, description="decision trees that are averaged")
    splits: Annotated[str, OneOf(SPLITS)] = Field(
        default="random", description="thresholds: drawn, of all training sets (random), or the best, of a bootstrap"
    )
    leaf: int = Field(default=2, gt=0, description="training sets in a leaf at least")


TREES = Family(
    spec=TreesSpec,
    network="setwise.models.trees_network:trees",
    fitter="setwise.models.trees_network:fit",
    models={"extra-trees": Preset({}), "random-forest": Preset({"splits": "best"})},
    space={"leaf": (1, 2, 5), "summary": SUMMARIES_TRIED},
)
