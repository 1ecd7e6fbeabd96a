"""Say what is predicted: kinds of targets, their values, losses, predictions and metrics."""

from setwise.targets.classes import Classes
from setwise.targets.number import Number
from setwise.targets.objectives import Objective
from setwise.targets.ordinal import Ordinal
from setwise.targets.which_element import WhichElement

__all__ = ["Number", "Classes", "Ordinal", "WhichElement", "Objective"]
