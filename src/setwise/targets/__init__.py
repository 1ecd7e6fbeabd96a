"""Say what is predicted: kinds of targets, their values, losses, predictions and metrics."""

from typing import TYPE_CHECKING

from setwise._lazy import lazily

if TYPE_CHECKING:
    from setwise.targets.classes import Classes
    from setwise.targets.number import Number
    from setwise.targets.objectives import Objective
    from setwise.targets.ordinal import Ordinal
    from setwise.targets.time_to_event import TimeToEvent
    from setwise.targets.which_element import WhichElement

__all__ = ["Number", "Classes", "Ordinal", "WhichElement", "TimeToEvent", "Objective"]
# Imported where they are first used: the words for the kinds of targets need no torch.
__getattr__ = lazily(
    __name__,
    {
        "Number": "number",
        "Classes": "classes",
        "Ordinal": "ordinal",
        "WhichElement": "which_element",
        "TimeToEvent": "time_to_event",
        "Objective": "objectives",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
