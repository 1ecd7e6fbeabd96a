"""Configure a search for a model."""

from typing import Annotated

from pydantic import Field

from setwise._options import Option, Record


class Search(Record):
    """Configuration of a search for a model: how long it takes, and on which sets it chooses and is measured."""

    budget: Annotated[float, Option(metavar="TIME", syntax="time", shown="30m")] = Field(
        default=1800.0,
        gt=0,
        description="time of a search, in seconds or such as 90s, 30m, 2h; each outer fold has one",
    )
    trials: int | None = Field(default=None, ge=1, description="trials at most; by default what the budget allows")
    inner: int = Field(default=3, ge=2, description="folds that decide between trials, of the sets that are not tested")
    outer: int = Field(
        default=1,
        ge=1,
        description="repeat the whole search in so many folds, to measure it; 1 for the test part alone",
    )
    test: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="share of the sets that takes no part in the search and measures what is found",
    )
    baselines: bool = Field(default=True, description="measure ridge and gradient boosting as well")
