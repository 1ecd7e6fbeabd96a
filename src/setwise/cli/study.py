"""The options of `setwise fit` that say what is fitted to what and how, for the commands that fit many times."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

from setwise.cli import options
from setwise.cli.fit import fit

if TYPE_CHECKING:
    from setwise.fit.study import Study
    from setwise.store.store import SetStore

_NOT_SHARED = frozenset(
    {"context", "out", "test", "store", "tensorboard", "json", "quiet", "overwrite", "resume", "coverage"}
)
_MODEL = ("depth", "width", "norm", "residual", "path", "pool", "heads", "inducing")


def takes_study(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the options of `setwise fit`, handed over as one dictionary, its argument ``given``.

    Options that the command has itself are its own.
    """
    own = inspect.signature(command).parameters
    hints, of_fit = get_type_hints(command, include_extras=True), get_type_hints(fit, include_extras=True)
    shared = {
        name: parameter
        for name, parameter in inspect.signature(fit).parameters.items()
        if name not in _NOT_SHARED and name not in own
    }

    def with_options(**arguments: Any) -> object:  # what the command line parsed, whose names are those of `fit`
        given = {name: arguments.pop(name) for name in shared}
        return command(given=given, **arguments)

    named = {name: parameter for name, parameter in own.items() if name != "given"}
    together = [
        parameter.replace(
            annotation=(hints | of_fit)[name] if name in shared else hints[name], kind=parameter.KEYWORD_ONLY
        )
        for name, parameter in {**named, **shared}.items()
    ]
    with_options.__signature__ = inspect.Signature(together)  # pyright: ignore[reportFunctionMemberAccess] typer reads it
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in together}
    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    return with_options


def study_of(given: Mapping[str, Any]) -> "Study":
    """The study that the options ask for.

    Raises:
        InputError: an option out of its range.
    """
    from setwise.fit.study import Study
    from setwise.runs.config import FitConfig

    numbers = {name: given[name] for name in FitConfig.model_fields if given.get(name) is not None}
    numbers |= {name: numbers[name] or None for name in ("clip", "patience", "max_elements") if name in numbers}
    for name in ("ensemble", "batch_size"):
        numbers.setdefault(name, 0)  # as many as `fit` would take
    targets, labels = options.targets(given["target"], given["element_target"])
    return Study(
        targets=targets,
        of="elements" if labels else "sets",
        task=options.kinds(given["task"], targets),
        orders=options.orders(given["order"]),
        class_weights=options.class_weights(given["class_weights"]),
        weight_column=given["weight_column"],
        covariates=options.names(given["covariates"]) or (),
        group=given["group"],
        model=given["model"],
        model_choices={name: given[name] for name in _MODEL if given[name] is not None},
        config=FitConfig.checked(**numbers),
        validation=given["validation"],
        calibrate=given["calibrate"],
    )


def sets_of(given: Mapping[str, Any]) -> "SetStore":
    """Read the sets that the options name.

    Raises:
        InputError: files that cannot be read; the message says where and what to do.
    """
    from setwise.readers.read import read
    from setwise.store.reading import Reading

    reading = Reading(**{choice.name: given[choice.name] for choice in fields(Reading) if choice.name in given})
    features = options.names(given["features"])
    return read(
        given["source"],
        sets=given["sets"],
        set_id=given["set_id"],
        features=features,
        reading=reading,
        labels=given["element_target"] or (),
    )
