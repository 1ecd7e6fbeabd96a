"""Choices that follow the number of training sets, where nobody makes them.

Few sets: shallow models, and several of them, whose predictions are averaged; depth pays where sets are many
(`docs/log.md` has the measurements).
"""

from collections.abc import Mapping
from typing import Any

from setwise.training.config import FitConfig

FEW, MANY = 1_000, 3_000  # training sets
MEMBERS = 5
_DEPTHS = {"deep-sets++": (4, 10, 50), "set-transformer++": (2, 4, 16)}  # few, some, many training sets


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
        config: an ``ensemble`` of 0 is decided here: 5 models below 1,000 training sets, else 1.
        model: its name.
        choices: those of the model; without ``depth`` it is decided here, for the ++ models.
        num_sets: of the training part.
    """
    if config.ensemble == 0:
        config = config.model_copy(update={"ensemble": MEMBERS if num_sets < FEW else 1})
    choices = dict(choices)
    depth = depth_for(model, num_sets)
    if choices.get("depth") is None and depth is not None:
        choices["depth"] = depth
    return config, choices
