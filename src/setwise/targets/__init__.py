"""Say what is predicted: kinds of targets, their values, losses, predictions and metrics."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setwise.targets.classes import Classes
    from setwise.targets.number import Number
    from setwise.targets.objectives import Objective
    from setwise.targets.ordinal import Ordinal
    from setwise.targets.time_to_event import TimeToEvent
    from setwise.targets.which_element import WhichElement

__all__ = ["Number", "Classes", "Ordinal", "WhichElement", "TimeToEvent", "Objective"]
_PLACES = {
    "Number": "setwise.targets.number",
    "Classes": "setwise.targets.classes",
    "Ordinal": "setwise.targets.ordinal",
    "WhichElement": "setwise.targets.which_element",
    "TimeToEvent": "setwise.targets.time_to_event",
    "Objective": "setwise.targets.objectives",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for where it is first used: the words for the kinds of targets need no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'setwise.targets' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
