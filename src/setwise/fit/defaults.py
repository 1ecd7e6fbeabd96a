"""Choices that follow the number of training sets, where nobody makes them.

Few sets: shallow and narrow models, and several of them, whose predictions are averaged; depth pays where sets are
many. None of few sets is spared to choose the epoch: they are worth more to learn from (`docs/log.md` has the
measurements).
"""

from collections.abc import Mapping
from typing import Any

from setwise.runs.config import FitConfig
from setwise.store.splits import FEW

MANY = 3_000  # training sets; `FEW` is where the split decides whether sets can be spared
MEMBERS = 5
_STEPS = 8  # in an epoch, where sets are few
_SMALLEST, _LARGEST = 4, 32  # sets in a batch
_NARROW, _WIDE = 64, 128  # width
_DEPTHS = {"deep-sets++": (4, 10, 50), "set-transformer++": (2, 4, 16)}  # few, some, many training sets


def temperatures_need_validation(calibrate: bool | None, config: FitConfig) -> bool:
    """Whether temperatures are asked for of a single model, which leaves out no training sets that could give them."""
    return calibrate is True and config.ensemble == 1


def depth_for(model: str, num_sets: int) -> int | None:
    """The depth of a model for a number of training sets; none leaves it to the model's name."""
    if model not in _DEPTHS:
        return None
    return _DEPTHS[model][(num_sets >= FEW) + (num_sets >= MANY)]


def settled(
    config: FitConfig, model: str, choices: Mapping[str, Any], num_sets: int
) -> tuple[FitConfig, dict[str, Any]]:
    """The configuration and the model's choices with what was left open decided.

    Args:
        config: an ``ensemble`` of 0 is decided here: 5 models below 1,000 training sets, else 1; and a ``batch_size``
            of 0: an eighth of the training sets, 4 at least and 32 at most.
        model: its name.
        choices: those of the model; without ``depth`` or ``width`` they are decided here, for the ++ models.
        num_sets: of the training part.
    """
    if config.ensemble == 0:
        config = config.model_copy(update={"ensemble": MEMBERS if num_sets < FEW else 1})
    if config.batch_size == 0:
        config = config.model_copy(update={"batch_size": min(max(num_sets // _STEPS, _SMALLEST), _LARGEST)})
    choices = dict(choices)
    depth = depth_for(model, num_sets)
    if depth is not None:
        decided = {"depth": depth, "width": _NARROW if num_sets < FEW else _WIDE}
        choices = {**decided, **{name: value for name, value in choices.items() if value is not None}}
    return config, choices
