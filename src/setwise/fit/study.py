"""Describe a study: what is learned from which columns, by which model, fitted how; all but the sets themselves."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from setwise.fit.defaults import temperatures_need_validation
from setwise.runs.config import FitConfig
from setwise.store.splits import SHARE


def _names(value: object) -> object:
    """Return one name or several as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else value


Names = Annotated[Sequence[str], BeforeValidator(_names)]


class Study(BaseModel):
    """What is learned from which columns, by which model, fitted how.

    `setwise.train`, `setwise.cross_validate` and `setwise.tune` take one with the sets; the command line and the
    estimators make one of what they are given.

    Attributes:
        targets: columns to predict, numbers and classes, of which each set must have one at least; a name or several.
        of: ``"sets"``, or ``"elements"`` to predict labels of the elements (`SetStore.labels`), one for each; splits
            are of whole sets all the same.
        task: ``"regression"``, ``"classification"`` or ``"ordinal"`` for all targets, or of elements
            ``"which-element"`` (one element of each set is marked 1), or a dictionary of those of some;
            by default as `setwise.targets.choose.choose_kinds` finds.
        orders: classes of ordinal targets from lowest to highest, by target; those that are numbers need none.
        class_weights: ``"balanced"`` lets all classes count alike in the loss; or a weight for each class.
        weight_column: column of the sets' weights in the loss; metrics count each set once.
        covariates: columns of the sets that the model sees as well: numbers and text, of which some may be missing.
        group: column of what must not be split between parts; by default ``group`` where there is one.
        model: name of the model (`setwise.models.build`).
        model_choices: its choices, such as ``{"depth": 10, "width": 64}``; where depth is left out, it follows the
            number of training sets (`setwise.fit.defaults`).
        config: how to fit, and the seed.
        validation: share of the sets that decides which epoch is kept; 0 for none (dimensionless). By default 0.15,
            and none of fewer than 1,000 sets (`setwise.store.splits`).
        test: share of the sets that the model is measured on; 0 for none (dimensionless). Where folds or a split are
            given, these count.
        calibrate: fit a temperature for each target of classes, so that probabilities are neither too sure nor too
            unsure: on the validation part, or where there is none on what each member of an ensemble says of training
            sets that it leaves out (`setwise.fit.cross_fit`). By default in the latter case alone.
        coverage: give predictions intervals and sets of classes that hold the truth of this share of new sets
            (`setwise.targets.conformal`); half of the validation part is then kept for them alone. Of labels of
            elements, this share of the elements of new sets, each set counting alike.

    Example:
        >>> Study(targets="hematocrit", model_choices={"depth": 4}).targets
        ('hematocrit',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    targets: Names
    of: Literal["sets", "elements"] = "sets"
    task: Any = None
    orders: Mapping[str, Sequence[Any]] | None = None
    class_weights: Any = None
    weight_column: str | None = None
    covariates: Names = ()
    group: str | None = None
    model: str = "deep-sets++"
    model_choices: Mapping[str, Any] = Field(default_factory=dict)
    config: FitConfig = Field(default_factory=FitConfig)
    validation: float | None = None
    test: float = 0.2
    calibrate: bool | None = None
    coverage: float | None = None

    def with_seed(self, seed: int) -> Self:
        """Return the study with another seed."""
        return self.model_copy(update={"config": self.config.model_copy(update={"seed": seed})})

    def with_choices(self, *, model: str | None = None, choices: Mapping[str, Any], fitting: Mapping[str, Any]) -> Self:
        """Return the study with another model, other choices of it, and other numbers of its configuration."""
        config = FitConfig.checked(**{**self.config.model_dump(), **fitting})
        given = {"model": model or self.model, "model_choices": {**self.model_choices, **choices}, "config": config}
        return self.model_copy(update=given)

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
        if self.calibrate is None:
            del values["calibrate"]
        return values
