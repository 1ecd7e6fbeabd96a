"""Fitting models, keeping runs, measuring them."""

from typing import TYPE_CHECKING

from setwise.training.config import FitConfig
from setwise.training.heads import Classification, Ordinal, Regression
from setwise.training.objectives import Objective
from setwise.training.record import RunRecord, TestRow
from setwise.training.run import Run

if TYPE_CHECKING:
    from setwise.training.pipeline import train

__all__ = [
    "train",
    "FitConfig",
    "Run",
    "RunRecord",
    "TestRow",
    "Objective",
    "Regression",
    "Classification",
    "Ordinal",
]


def __getattr__(name: str) -> object:
    """Import `train` where it is used: lightning and scikit-learn take seconds, and loading a run needs neither."""
    if name == "train":
        from setwise.training.pipeline import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
