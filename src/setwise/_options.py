"""Declare choices once, as fields of a record with description, bounds and default.

The command line, the estimators and the reference page are derived from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from setwise._checks import InputError


class Record(BaseModel):
    """Hold choices: frozen, each checked by its name.

    Raises:
        InputError: an unknown name, or values that are out of bounds or do not go together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    def __init__(self, **choices: Any) -> None:
        try:
            super().__init__(**choices)
        except ValidationError as error:
            known = ", ".join(type(self).model_fields)
            raise InputError("; ".join(sentence_of(problem, known) for problem in error.errors())) from None


_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def sentence_of(problem: ErrorDetails, known: str = "") -> str:
    """Return what is wrong with a choice; what a check of ours raised says it itself."""
    own = problem.get("ctx", {}).get("error")
    if isinstance(own, InputError):
        return str(own)
    name = ".".join(map(str, problem["loc"])) or "configuration"
    if problem["type"] == "extra_forbidden":
        return f"there is no choice named {name!r}; there are {known}"
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in _BOUNDS:
        word, limit = _BOUNDS[kind]
        return f"{name} must be {word} {limits[limit] or 'zero'}; got {problem['input']!r}"
    if kind == "literal_error":
        return f"{name} must be one of {limits['expected']}; got {problem['input']!r}"
    return f"{name}: {problem['msg'][0].lower()}{problem['msg'][1:]}; got {problem['input']!r}"


@dataclass(frozen=True)
class Option:
    """The presentation of a field beside its description: ``Annotated[int, Option(shown="the model's")]``.

    Attributes:
        shown: the default in words, where it follows the data.
        metavar: what stands for the value; by default its type or its words.
        name: on the command line, where it has another name there.
        syntax: how its text is read, where the type does not say it; one of `setwise.cli.declared.SYNTAX`.
        panel: heading below which the command line's help shows it.
    """

    shown: str | None = None
    metavar: str | None = None
    name: str | None = None
    syntax: str | None = None
    panel: str | None = None


_PLAIN = Option()


@dataclass(frozen=True)
class Declaration:
    """A field as an option.

    Attributes:
        field: its name on the record.
        option: what is shown of it beside its description.
        description: what it means.
        kind: int, float, bool or str.
        words: that it may be, or none where it may be any.
        default: where nobody chooses.
        panel: heading below which the command line's help shows it, or none.
    """

    field: str
    option: Option
    description: str
    kind: type
    words: tuple[str, ...]
    default: Any
    panel: str | None

    @property
    def name(self) -> str:
        """Return its name on the command line, with underscores."""
        return self.option.name or self.field

    @property
    def flag(self) -> str:
        """Return the option of the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def shown(self) -> str | None:
        """Return the default in words; none where there is nothing to say."""
        if self.option.shown is not None:
            return self.option.shown
        if self.default is None or self.default == () or isinstance(self.default, bool):
            return None
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)


def declarations(
    fields: Mapping[str, FieldInfo], *, instead: Mapping[str, Any] | None = None, panel: str | None = None
) -> tuple[Declaration, ...]:
    """Return the fields that have a description as options, in their order.

    Args:
        fields: of a record (``Record.model_fields``).
        instead: defaults that are chosen in place of the record's own.
        panel: heading of those that name none.
    """
    described = {name: info for name, info in fields.items() if info.description is not None}
    return tuple(_declaration(name, info, instead or {}, panel) for name, info in described.items())


def merged(groups: Mapping[str, Sequence[Declaration]], *, shown: str) -> tuple[Declaration, ...]:
    """Return the options of several kinds of records, each name once, with what it means for each kind.

    Args:
        groups: the options of a kind, by its name.
        shown: the default in words, of options that name none.
    """
    names = dict.fromkeys(d.field for found in groups.values() for d in found)
    return tuple(_merged(name, groups, shown) for name in names)


def _merged(name: str, groups: Mapping[str, Sequence[Declaration]], shown: str) -> Declaration:
    own = {kind: d for kind, found in groups.items() for d in found if d.field == name}
    first = next(iter(own.values()))
    texts = {kind: d.description for kind, d in own.items()}
    if len(set(texts.values())) > 1:
        text = "; ".join(f"{kind}: {text}" for kind, text in texts.items())
    else:
        text = first.description if len(own) == len(groups) else f"{first.description} ({', '.join(own)})"
    return replace(
        first,
        description=text,
        words=tuple(dict.fromkeys(word for d in own.values() for word in d.words)),
        option=replace(first.option, shown=first.option.shown or shown),
    )


def _declaration(name: str, info: FieldInfo, instead: Mapping[str, Any], panel: str | None) -> Declaration:
    found = info.get_default(call_default_factory=True) if not info.is_required() else None
    kind, words = _kind(info.annotation)
    listed = next((tuple(part.words) for part in info.metadata if hasattr(part, "words")), words)
    option = next((part for part in info.metadata if isinstance(part, Option)), _PLAIN)
    assert info.description is not None
    return Declaration(
        field=name,
        option=option,
        description=info.description,
        kind=kind,
        words=listed,
        default=instead.get(name, found),
        panel=option.panel or panel,
    )


def _kind(annotation: Any) -> tuple[type, tuple[str, ...]]:
    """Return the plain type of an annotation that may allow none, and the words that it allows."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    own = next((part for part in parts if part is not NoneType), str)
    words = get_args(own) if get_origin(own) is Literal else ()
    return own if own in (int, float, bool) else str, words
