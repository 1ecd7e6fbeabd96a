"""The family of linear models on summaries of sets: choices, named models, what is tried of it."""

from pydantic import Field

from setwise.models.family import Family, Preset
from setwise.models.summary_spec import SUMMARIES_TRIED, SummarySpec


class LinearSpec(SummarySpec):
    """Ridge or logistic regression on a summary of each set."""

    family = "linear"

    limit: float | None = Field(
        default=None,
        gt=0,
        description="standard deviations beyond which a number of a summary counts as if it were so far from the mean",
    )


LINEAR = Family(
    spec=LinearSpec,
    network="setwise.models.linear_network:linear",
    fitter="setwise.models.linear_network:fit",
    models={"linear": Preset({"limit": 5.0, "summary": "moments+codebook+fourier"})},
    space={"limit": (3.0, 5.0, 1000.0), "summary": SUMMARIES_TRIED},
)
