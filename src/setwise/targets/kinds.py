"""Load the kinds of targets, and find one by its word."""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from setwise._checks import InputError
from setwise.targets.target import Of, Target
from setwise.targets.words import PLACES


def _loaded(place: str) -> type[Target]:
    module, name = place.split(":")
    return getattr(import_module(module), name)


TARGETS = tuple(_loaded(place) for place in PLACES.values())
if TYPE_CHECKING:
    AnyTarget = Target
else:
    AnyTarget = Annotated[Union[TARGETS], Field(discriminator="kind")]  # noqa: UP007 - of a tuple


def words(of: Of) -> tuple[str, ...]:
    """Return the words for the kinds of targets that sets, or elements, can have."""
    return tuple(kind.word() for kind in TARGETS if of in kind.of)


def named(word: str) -> type[Target]:
    """Return a kind of target by its word.

    Raises:
        InputError: there is none.
    """
    for kind in TARGETS:
        if kind.word() == word:
            return kind
    raise InputError(f"a target is one of {', '.join(map(repr, PLACES))}; got {word!r}.")
