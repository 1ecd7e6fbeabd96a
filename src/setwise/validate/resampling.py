"""Configure a cross-validation."""

from pydantic import Field

from setwise._options import Record


class Resampling(Record):
    """Configuration of a cross-validation: how the sets are divided, how often, and what is fitted on each division."""

    folds: int = Field(
        default=5, ge=2, description="folds of a repeat; fewer where groups or the sets of a class are fewer"
    )
    repeats: int = Field(
        default=1, ge=1, description="how often the sets are divided anew; metrics are means over the repeats"
    )
    permutations: int = Field(
        default=0,
        ge=0,
        description="evaluate as many times with shuffled targets, without baselines: would they do as well?",
    )
    jobs: int = Field(default=1, ge=1, description="folds at a time, a process each")
    baselines: bool = Field(default=True, description="measure ridge and gradient boosting as well")
