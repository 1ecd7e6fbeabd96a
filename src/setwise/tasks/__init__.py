"""Tasks of the paper and of the demo: where the data come from and what is predicted."""

from setwise.tasks.catalogue import TASKS, get_task
from setwise.tasks.digits import DigitSets, digit_sets
from setwise.tasks.element_logits import ElementLogits
from setwise.tasks.sets import FreshDraws, TaskData, TaskSets
from setwise.tasks.task import Extent, RemoteFile, Source, Task

__all__ = [
    "TASKS",
    "get_task",
    "Task",
    "Extent",
    "Source",
    "RemoteFile",
    "TaskData",
    "TaskSets",
    "FreshDraws",
    "ElementLogits",
    "DigitSets",
    "digit_sets",
]
