"""The family of kernel machines on summaries of sets: choices, named models, what is tried of it."""

from pydantic import Field

from setwise.models.family import Family, Preset
from setwise.models.summary_spec import SUMMARIES_TRIED, SummarySpec


class KernelSpec(SummarySpec):
    """A machine with a Gaussian kernel on a summary of each set."""

    family = "kernel"

    rows: int = Field(
        default=4000, gt=0, description="training sets that are learned from at most; of more, so many are drawn"
    )


KERNEL = Family(
    spec=KernelSpec,
    network="setwise.models.kernel_network:kernel",
    fitter="setwise.models.kernel_network:fit",
    models={
        "kernel": Preset({"summary": "moments+codebook+fourier"}),
        "mean-embedding": Preset({"summary": "fourier"}),
    },
    space={"summary": SUMMARIES_TRIED},
)
