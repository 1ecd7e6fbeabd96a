"""List the kinds of targets: a kind is a file of its own and a line here."""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from setwise._checks import InputError
from setwise.targets.classes import Classes
from setwise.targets.number import Number
from setwise.targets.ordinal import Ordinal
from setwise.targets.target import Of, Target
from setwise.targets.which_element import WhichElement

TARGETS: tuple[type[Target], ...] = (
    Number,
    Classes,
    Ordinal,
    WhichElement,
)
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
    raise InputError(f"a target is one of {', '.join(kind.word() for kind in TARGETS)}; got {word!r}.")
