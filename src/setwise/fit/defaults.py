"""Choices that follow the number of training sets, where nobody makes them.

Few sets: shallow and narrow models, and several of them, whose predictions are averaged; depth pays where sets are
many. None of few sets is spared to choose the epoch: they are worth more to learn from (`docs/log.md` has the
measurements).
"""

from collections.abc import Mapping
from typing import Any

from setwise.models.families import family_of_model
from setwise.runs.config import RECOMMENDED, FitConfig
from setwise.store.shares import FEW

MANY = 3_000  # training sets; `FEW` is where the split decides whether sets can be spared
_STEPS = 8  # in an epoch, where sets are few
_SMALLEST, _LARGEST = 4, 32  # sets in a batch


def temperatures_need_validation(calibrate: bool | None, config: FitConfig) -> bool:
    """Return whether temperatures are asked for of one model, which leaves out no sets that could give them."""
    return calibrate is True and config.ensemble == 1


def settled(
    config: FitConfig, model: str, choices: Mapping[str, Any], num_sets: int
) -> tuple[FitConfig, dict[str, Any]]:
    """Return the configuration and the model's choices with what was left open decided.

    Args:
        config: an ``ensemble`` of 0 is decided here: below 1,000 training sets as the family says, 5 of networks, else
            1; and a ``batch_size`` of 0: an eighth of the training sets, 4 at least and 32 at most.
            A family that fits itself reads whole sets, unless another number than the recommended one is asked for.
        model: its name.
        choices: those of the model; those that follow the number of training sets (`setwise.models.family.Preset`) and
            were not made are decided here.
        num_sets: of the training part.
    """
    family = family_of_model(model)
    if config.ensemble == 0:
        config = config.model_copy(update={"ensemble": family.members if num_sets < FEW else 1})
    if family.fitter is not None and config.max_elements == RECOMMENDED["max_elements"]:
        config = config.model_copy(update={"max_elements": None})
    if config.batch_size == 0:
        config = config.model_copy(update={"batch_size": min(max(num_sets // _STEPS, _SMALLEST), _LARGEST)})
    preset = family.models[model]
    decided = preset.few if num_sets < FEW else preset.some if num_sets < MANY else preset.many
    return config, {**decided, **{name: value for name, value in choices.items() if value is not None}}
