"""The family of tree ensembles on summaries of sets: choices, named models, what is tried of it."""

from typing import Annotated

from pydantic import Field

from setwise.models.family import Family, Preset
from setwise.models.spec import OneOf
from setwise.models.summary_spec import SUMMARIES_TRIED, SummarySpec

SPLITS = ("random", "best")
COLUMNS = ("many", "root")


class TreesSpec(SummarySpec):
    """The mean of decision trees on a summary of each set."""

    family = "trees"

    trees: int = Field(default=300, gt=0, description="decision trees that are averaged")
    splits: Annotated[str, OneOf(SPLITS)] = Field(
        default="random", description="thresholds: drawn, of all training sets (random), or the best, of a bootstrap"
    )
    columns: Annotated[str, OneOf(COLUMNS)] = Field(
        default="many",
        description="columns that are tried at a question of classes: the root of their number (root), or up to a "
        "third where thresholds are drawn (many)",
    )
    leaf: int = Field(default=1, gt=0, description="training sets in a leaf at least")
    smoothing: float = Field(
        default=0.2, ge=0, description="sets of the training sets' classes, in their shares, that are added to a leaf"
    )


TREES = Family(
    spec=TreesSpec,
    network="setwise.models.trees_network:trees",
    fitter="setwise.models.trees_network:fit",
    models={
        "extra-trees": Preset({}),
        "extra-trees-root": Preset({"columns": "root"}),
        "random-forest": Preset({"splits": "best"}),
    },
    space={"columns": COLUMNS, "leaf": (1, 2, 5), "summary": SUMMARIES_TRIED},
)
