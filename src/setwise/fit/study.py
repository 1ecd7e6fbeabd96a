"""Describe a study: what is learned from which columns, by which model, fitted how; all but the sets themselves."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from setwise._options import Option, Record
from setwise.fit.defaults import temperatures_need_validation
from setwise.models.families import DEFAULT, MODELS, NETWORK, network_instead
from setwise.models.family import VERY_FEW
from setwise.runs.config import FitConfig
from setwise.store.shares import SHARE, TEST_SHARE
from setwise.targets.words import PLACES, TRANSFORMS


def _names(value: object) -> object:
    """Return one name or several as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else value


_SHARE_WORDS = f"{TEST_SHARE}; none of fewer than {VERY_FEW} sets with {DEFAULT}"
Names = Annotated[Sequence[str], BeforeValidator(_names)]


class Study(Record):
    """Say what is learned from which columns, by which model, fitted how.

    `setwise.train`, `setwise.cross_validate` and `setwise.tune` take one with the sets; the command line and the
    estimators make one of what they are given. Its fields say what they are themselves.

    Example:
        >>> Study(targets="hematocrit", model_choices={"depth": 4}).targets
        ('hematocrit',)
    """

    targets: Annotated[Names, Option(name="target", metavar="COLUMN", syntax="repeated")] = Field(
        description="column to predict, or several: numbers and classes, of which each set must have one at least"
    )
    of: Annotated[
        Literal["sets", "elements"], Option(name="element_target", metavar="COLUMN", syntax="repeated", shown="")
    ] = Field(
        default="sets",
        description="predict labels of the elements (columns of the table of elements, channels, columns of obs), one "
        "for each, instead of sets; splits are of whole sets all the same",
    )
    task: Annotated[Any, Option(metavar="[TARGET=]KIND", syntax="repeated", shown="auto")] = Field(
        default=None,
        description=f"kind of all targets or of one: {', '.join(PLACES)}; by default text and two values are classes; "
        "of which-element, one element of each set is marked 1",
    )
    orders: Annotated[
        Mapping[str, Sequence[Any]] | None, Option(name="order", metavar="TARGET=LOW,...,HIGH", syntax="orders")
    ] = Field(default=None, description="classes of an ordinal target from lowest to highest; numbers need none")
    event: Annotated[str | Mapping[str, str] | None, Option(metavar="COLUMN", shown="none")] = Field(
        default=None,
        description="column that says whether an event has happened (1, true) by the time that the target holds, or "
        "the set was only observed until then (0, false): it makes the target a time to event",
    )
    target_transform: Annotated[
        str | Mapping[str, str] | None, Option(metavar="[TARGET=]WORD", syntax="repeated", shown="none")
    ] = Field(
        default=None,
        description=f"what is learned of numbers in their place: {', '.join(TRANSFORMS)}; predictions, intervals and "
        "metrics are in the target's own unit",
    )
    covariates: Annotated[Names, Option(metavar="A,B,...", syntax="names")] = Field(
        default=(),
        description="columns of the sets that the model sees too: numbers and text, of which some may be missing",
    )
    group: Annotated[str | None, Option(metavar="COLUMN", shown="group")] = Field(
        default=None, description="column of what must not be split between parts (the patient)"
    )
    validation: Annotated[float | None, Option(shown="0.15, and 0 below 1,000 sets")] = Field(
        default=None, description="share of the sets that decides which epoch is kept; 0 for none, dimensionless"
    )
    test: Annotated[float | None, Option(shown=_SHARE_WORDS)] = Field(
        default=None,
        description="share of the sets that is held out to measure the model, dimensionless; 0 for none. Where sets "
        "are few and it is not given, setwise fit predicts each of them by a stack without it, in folds",
    )
    model: Annotated[str, Option(panel="Model")] = Field(
        default=DEFAULT,
        description=f"name of the model: {', '.join(MODELS)}; auto is a weighted mean of several, but {NETWORK} "
        "where a choice of networks is made (the depth) or elements are predicted",
    )
    model_choices: Mapping[str, Any] = Field(default_factory=dict)
    config: FitConfig = Field(default_factory=FitConfig.recommended)
    class_weights: Annotated[Any, Option(metavar="balanced|A=1,B=5", syntax="class weights", panel="Fit")] = Field(
        default=None, description="weights of classes in the loss; balanced lets all classes count alike"
    )
    weight_column: Annotated[str | None, Option(metavar="COLUMN", panel="Fit")] = Field(
        default=None, description="column of the weights of sets in the loss; metrics count each set once"
    )
    calibrate: Annotated[bool | None, Option(shown="where few sets leave none for validation", panel="Fit")] = Field(
        default=None,
        description="fit a temperature for probabilities, on the validation sets or on those that each model of an "
        "ensemble leaves out",
    )
    coverage: Annotated[float | None, Option(metavar="SHARE", shown="none", panel="Fit")] = Field(
        default=None,
        description="give predictions intervals and sets of classes that hold the truth of this share of new sets (or "
        "of the elements of new sets), such as 0.9; half of the validation sets serve them",
    )

    def with_seed(self, seed: int) -> Self:
        """Return the study with another seed."""
        return self.model_copy(update={"config": self.config.model_copy(update={"seed": seed})})

    def with_choices(self, *, model: str | None = None, choices: Mapping[str, Any], fitting: Mapping[str, Any]) -> Self:
        """Return the study with another model, other choices of it, and other numbers of its configuration."""
        config = FitConfig.checked(**{**self.config.model_dump(), **fitting})
        given = {"model": model or self.model, "model_choices": {**self.model_choices, **choices}, "config": config}
        return self.model_copy(update=given)

    @property
    def fitted_model(self) -> str:
        """Return the name of the model that is fitted."""
        made = [name for name, choice in self.model_choices.items() if choice is not None]
        return network_instead(self.model, made, of=self.of)

    @property
    def asked_validation(self) -> float | None:
        """The share for validation that was asked for, or that temperatures of a single model need; else none."""
        if self.validation is None and temperatures_need_validation(self.calibrate, self.config):
            return SHARE
        return self.validation

    def identity(self) -> dict[str, Any]:
        """Return plain values of everything that decides a fit, by which results of other fits are told apart."""
        values = self.model_dump(mode="json", exclude={"config", "test", "coverage"})
        values["configuration"] = self.config.model_dump(mode="json", exclude={"workers", "device", "memory"})
        if self.of == "sets":
            del values["of"]
        if self.config.time is None:
            del values["configuration"]["time"]
        for name in ("calibrate", "event", "target_transform"):
            if values[name] is None:
                del values[name]
        return values
