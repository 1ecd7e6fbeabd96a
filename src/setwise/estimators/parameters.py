"""Give estimators the parameters that the records of a study declare, as scikit-learn reads them."""

import inspect
import textwrap
from dataclasses import dataclass
from typing import Any, TypeVar

from setwise._options import declarations
from setwise.fit.study import Study
from setwise.models.families import choices_of_models
from setwise.runs.config import RECOMMENDED, FitConfig

_NOT_CHOSEN = ("balanced_sampling", "seed")  # of a configuration, by an estimator
_T = TypeVar("_T", bound=type)


@dataclass(frozen=True)
class Parameter:
    """A parameter of an estimator: its name, its default, what it means."""

    name: str
    default: Any
    description: str


def of_study(name: str, field: str) -> Parameter:
    """Return the parameter that stands for a field of a study, which has the field's description and default."""
    (found,) = (d for d in declarations(Study.model_fields) if d.field == field)
    return Parameter(name, found.default, found.description)


MODEL = tuple(Parameter(d.field, None, d.description) for d in choices_of_models())
FIT = tuple(
    Parameter(d.field, d.default, d.description)
    for d in declarations(FitConfig.model_fields, instead=RECOMMENDED)
    if d.field not in _NOT_CHOSEN
)
SHARED = (
    of_study("model", "model"),
    *MODEL,
    *FIT,
    of_study("validation_fraction", "validation"),
    of_study("coverage", "coverage"),
    Parameter(
        "random_state", None, "seed of the fit; the same whole number gives the same bits on the CPU, none another seed"
    ),
    Parameter("verbose", False, "show a progress bar"),
)


def spelled_out(*more: Parameter) -> Any:
    """Return a class decorator that gives an estimator its parameters, keywords past the model, and documents them."""

    def decorate(cls: _T) -> _T:
        found = (*SHARED, *more)

        def construct(self: Any, *args: Any, **choices: Any) -> None:
            bound = signature.bind(self, *args, **choices)
            bound.apply_defaults()
            for parameter in found:
                setattr(self, parameter.name, bound.arguments[parameter.name])

        kinds = inspect.Parameter
        signature = inspect.Signature(
            [
                kinds("self", kinds.POSITIONAL_ONLY),
                kinds(found[0].name, kinds.POSITIONAL_OR_KEYWORD, default=found[0].default),
                *(kinds(p.name, kinds.KEYWORD_ONLY, default=p.default) for p in found[1:]),
            ]
        )
        construct.__name__ = "__init__"
        construct.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] scikit-learn reads it
        cls.__init__ = construct
        cls.__doc__ = _documented(cls.__doc__ or "", found)
        return cls

    return decorate


def _documented(text: str, parameters: tuple[Parameter, ...]) -> str:
    """Return a docstring with a line for each parameter before its other sections."""
    lines = [
        textwrap.fill(f"{p.name}: {p.description}.", 116, initial_indent=" " * 8, subsequent_indent=" " * 12)
        for p in parameters
    ]
    start, section, rest = text.partition("\n    Attributes:")
    return "\n".join([f"{start.rstrip()}\n\n    Args:", *lines]) + f"\n{section}{rest}"
