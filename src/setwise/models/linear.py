"""The family of linear models on summaries of sets: choices, named models, what is tried of it."""

from setwise.models.family import Family, Preset
from setwise.models.summary_spec import SummarySpec


class LinearSpec(SummarySpec):
    """Ridge or logistic regression on moments and quantiles of each set (`setwise.layers.Moments`)."""

    family = "linear"


LINEAR = Family(
    spec=LinearSpec,
    network="setwise.models.linear_network:linear",
    fitter="setwise.models.linear_network:fit",
    models={"linear": Preset({})},
)
