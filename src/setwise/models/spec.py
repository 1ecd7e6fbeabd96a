"""Describe a model by plain values: what is common to the specifications of all families."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from setwise._checks import InputError, check_choice
from setwise._options import sentence_of

ELEMENTS = ("vectors", "categories", "images")
OUTPUTS = ("sets", "elements", "which-element")
_SIZES = ("in_features", "out_features")
_IMAGE = 16  # activations of an image, in images


@dataclass(frozen=True)
class OneOf:
    """The words that a field takes, for an annotation: ``Annotated[str, OneOf(("clean", "non-clean"))]``.

    Attributes:
        words: all of them; a field that may be none takes none beside them.
    """

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            check_choice(str(info.field_name), value, self.words)
        return value


@dataclass(frozen=True)
class SomeOf:
    """The words that a field joins by "+", each once, for an annotation: ``Annotated[str, SomeOf(("mean", "max"))]``.

    Attributes:
        words: all of them.
    """

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str, info: ValidationInfo) -> str:
        words = value.split("+")
        for word in words:
            check_choice(str(info.field_name), word, self.words)
        if len(set(words)) < len(words):
            raise InputError(f"{info.field_name} must name each word once; got {value!r}.")
        return value


def _as_tuple(values: Any) -> Any:
    return tuple(values) if isinstance(values, Sequence) else values


class Spec(BaseModel):
    """Specification of a model: frozen plain values, of which the same model is always built.

    A family's own class has a field for each of its choices, with description, bounds and default; here is what the
    data decide.

    Raises:
        InputError: an unknown or missing name, a value out of bounds, or values that do not go together.
        TypeError: a number that is not whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    family: ClassVar[str]

    in_features: int = Field(gt=0, description="features of an element (columns of categories, channels of images)")
    out_features: int = Field(gt=0, description="K, outputs per set or per element")
    covariates: int = Field(
        default=0,
        ge=0,
        description="C, features of the set as a whole that enter the decoder; with outputs per element, each element",
    )
    elements: Annotated[str, OneOf(ELEMENTS)] = Field(default="vectors", description="what an element is")
    categories: Annotated[tuple[int, ...] | None, BeforeValidator(_as_tuple)] = Field(
        default=None, description="number of categories of each column, for categorical elements"
    )
    output: Annotated[str, OneOf(OUTPUTS)] = Field(
        default="sets",
        description='"sets" gives one row of outputs per set, "elements" one per element, "which-element" of each '
        "element the log-probability that it is the one that is meant",
    )

    def __init__(self, **values: Any) -> None:
        known = type(self).model_fields
        unknown, missing = values.keys() - known.keys(), set(_SIZES) - values.keys()
        if unknown or missing:
            raise InputError(
                f"a {self.family} specification must have in_features and out_features, and no other names than "
                f"{', '.join(sorted(known))}; unknown: {sorted(unknown)}, missing: {sorted(missing)}."
            )
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _in_our_words(error.errors()[0]) from None
        _check_data(self)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a specification is frozen; make another with the {name} that it should have.")

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values, for JSON: the family, the sizes, its choices, then the data's."""
        values = self.model_dump()
        own = [name for name in type(self).model_fields if name not in Spec.model_fields]
        order = [*_SIZES, *own, *(name for name in Spec.model_fields if name not in _SIZES)]
        return {"family": self.family, **{name: values[name] for name in order}}

    @classmethod
    def choices(cls) -> dict[str, FieldInfo]:
        """Return the fields that a person may choose, with description, bounds and default; not what data decide."""
        return {name: f for name, f in cls.model_fields.items() if f.description and name not in Spec.model_fields}

    def numbers_of_element(self, size: int) -> int:
        """Return the most numbers that the model holds of one element at a time.

        Args:
            size: numbers of the element itself.
        """
        return max(self.hidden, size * (_IMAGE if self.elements == "images" else 1))

    @property
    def hidden(self) -> int:
        """Return the numbers of an element between two layers, at most."""
        raise NotImplementedError(f"{type(self).__name__} must say how many numbers of an element it holds.")

    @property
    def kept(self) -> int:
        """Return the numbers of an element that are kept for gradients, at most."""
        raise NotImplementedError(f"{type(self).__name__} must say how much it keeps for gradients.")

    @property
    def crosses_sets(self) -> str | None:
        """Return the choice by which statistics cross the sets of a batch, such as ``norm='feature'``, or none."""
        return None

    @property
    def needs_whole_sets(self) -> tuple[str, str, str] | None:
        """Return the choice by which the model cannot learn from sub-samples, why, and what to do; or none."""
        return None


def _in_our_words(problem: ErrorDetails) -> Exception:
    """Return the error for the first of pydantic's; one that a check of ours raised is itself."""
    own = problem.get("ctx", {}).get("error")
    if isinstance(own, Exception):
        return own
    if problem["type"].startswith("int"):
        return TypeError(f"{'.'.join(map(str, problem['loc']))} must be a whole number; got {problem['input']!r}.")
    return InputError(f"{sentence_of(problem)}.")


def _check_data(spec: Spec) -> None:
    """Refuse what no family can take: outputs, elements and covariates that do not go together."""
    if spec.output != "sets" and spec.covariates and spec.elements != "vectors":
        raise InputError(
            f"with outputs per element, covariates go with vectors; elements are {spec.elements}. Leave them out."
        )
    if spec.output == "which-element" and spec.out_features != 1:
        raise InputError(f"which element is meant takes one output per element; got {spec.out_features}.")
    if (spec.elements == "categories") != (spec.categories is not None):
        raise InputError("categories must be given exactly where elements='categories'.")
    if spec.categories is not None and len(spec.categories) != spec.in_features:
        raise InputError(
            f"categories must have one number per column, in_features={spec.in_features}; got {spec.categories}."
        )
