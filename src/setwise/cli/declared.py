"""Make options of the command line from the fields that declare them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from setwise._options import Declaration
from setwise.cli import options

SYNTAX: Mapping[str, Callable[[Any], Any]] = {
    "names": options.names,
    "repeated": list,
    "orders": options.orders,
    "cofactors": options.cofactors,
    "transforms": options.transforms,
    "aliases": options.aliases,
    "merges": options.merges,
    "class weights": options.class_weights,
    "zero is none": lambda value: value or None,
    "bytes": options.number_of_bytes,
    "time": options.seconds,
}
_TEXT = ("bytes", "time", "aliases")  # syntax of numbers that are written with a unit
_REPEATED = (
    "names",
    "repeated",
    "orders",
    "merges",
    "cofactors",
    "transforms",
)  # syntax of options that may be given several times


def takes(**groups: tuple[Declaration, ...]) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Give a command the options of declarations; each group becomes one argument, a dictionary of what was given.

    Options that the command has itself are its own. What was not given is not in the dictionary, so that the record
    that declares it has the only default.

    Args:
        groups: declarations by the name of the command's argument, a keyword.
    """

    def decorate(command: Callable[..., object]) -> Callable[..., object]:
        own = {name: p for name, p in inspect.signature(command).parameters.items() if name not in groups}
        of_group = {name: [d for d in found if d.name not in own] for name, found in groups.items()}

        def with_options(**arguments: Any) -> object:  # as the command line parsed them
            given = {name: _given(found, arguments) for name, found in of_group.items()}
            return command(**arguments, **given)

        named = [p.replace(kind=p.KEYWORD_ONLY) for p in own.values()]
        declared = [_parameter(declaration) for found in of_group.values() for declaration in found]
        with_options.__signature__ = inspect.Signature([*declared, *named])  # pyright: ignore[reportFunctionMemberAccess]
        with_options.__annotations__ = {p.name: p.annotation for p in (*declared, *named)}
        with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
        return with_options

    return decorate


def _given(declarations: Sequence[Declaration], arguments: dict[str, Any]) -> dict[str, Any]:
    """Take the values of options that were given out of all arguments, by the field that each stands for."""
    values = {declaration: arguments.pop(declaration.name) for declaration in declarations}
    return {declaration.field: _read(declaration, value) for declaration, value in values.items() if value is not None}


def _read(declaration: Declaration, value: Any) -> Any:
    """Return the value that the text of an option stands for."""
    syntax = declaration.option.syntax
    return value if syntax is None else SYNTAX[syntax](value)


def _parameter(declaration: Declaration) -> inspect.Parameter:
    """Return an option as typer reads it; none where it is not given."""
    syntax = declaration.option.syntax
    kind = list[str] if syntax in _REPEATED else str if syntax in _TEXT else declaration.kind
    shown: dict[str, Any] = {"show_default": declaration.shown or False}
    if declaration.words and declaration.kind is str and declaration.option.metavar is None:
        shown["metavar"] = "|".join(declaration.words)
    elif declaration.option.metavar is not None:
        shown["metavar"] = declaration.option.metavar
    flag = declaration.flag
    flags = [flag] if declaration.kind is not bool or declaration.default is False else [f"{flag}/--no-{flag[2:]}"]
    option = typer.Option(*flags, help=_sentence(declaration), rich_help_panel=declaration.panel, **shown)
    return inspect.Parameter(
        declaration.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _sentence(declaration: Declaration) -> str:
    """Return the description as a sentence, with what zero stands for."""
    text = declaration.description
    if declaration.option.syntax == "zero is none":
        text += "; 0 for none"
    return f"{text[0].upper()}{text[1:]}."


def without(declarations: Sequence[Declaration], *fields: str) -> tuple[Declaration, ...]:
    """Return the declarations of other fields."""
    return tuple(d for d in declarations if d.field not in fields)
