"""Make the study that the options of a command describe, and read the sets that they name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from setwise._options import declarations
from setwise.cli import options
from setwise.cli.declared import takes, without
from setwise.fit.study import Study
from setwise.models.families import choices_of_models
from setwise.runs.config import RECOMMENDED, FitConfig

if TYPE_CHECKING:
    from setwise.readers.reading import Reading
    from setwise.store.store import SetStore

STUDY = declarations(Study.model_fields)
MODEL = choices_of_models("Model")
FIT = declarations(FitConfig.model_fields, instead=RECOMMENDED, panel="Fit")


def takes_study(
    *decided: str, shown: Mapping[str, str] | None = None
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Give a command the options that make a study, handed over as its argument ``given``.

    Args:
        decided: fields that the command decides itself.
        shown: defaults in words, of fields whose default it decides.
    """
    found = without((*STUDY, *MODEL, *FIT), *decided)
    words = shown or {}
    return takes(
        given=tuple(replace(d, option=replace(d.option, shown=words.get(d.field, d.option.shown))) for d in found)
    )


def study_of(given: Mapping[str, Any]) -> Study:
    """Return the study that the options ask for; what they leave open is as `RECOMMENDED`.

    Raises:
        InputError: an option out of its range.
    """
    targets, labels = options.targets(given.get("targets"), given.get("of"))
    numbers = {name: given[name] for name in FitConfig.model_fields if name in given}
    columns = {name: given[name] for name in Study.model_fields if name in given}
    choices = {name: value for name, value in given.items() if name not in (*columns, *numbers)}
    own = {
        "targets": targets,
        "of": "elements" if labels else "sets",
        "task": options.by_target(given.get("task"), targets, nothing="auto"),
        "target_transform": options.by_target(given.get("target_transform"), targets, nothing="none"),
    }
    config = FitConfig.recommended(**numbers)
    return Study(**(columns | own), model_choices=choices, config=config)


def read_sets(given: Mapping[str, Any], reading: "Reading | None", **columns: Any) -> "SetStore":
    """Read the sets that the options name, with the labels that they ask to predict.

    Raises:
        InputError: files that cannot be read; the message says where and what to do.
    """
    from setwise.readers.read import read

    event = given.get("event")
    needed = [] if event is None else [event] if isinstance(event, str) else list(event.values())
    targets = given.get("targets") or ()
    return read(**columns, reading=reading, labels=given.get("of") or (), targets=targets, needed=needed)
