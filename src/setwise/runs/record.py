"""Describe a run in ``model.json``: everything that makes weights a model that can be used and checked."""

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from setwise._checks import InputError
from setwise.models import spec_from_dict
from setwise.prepare.covariates import Covariates
from setwise.prepare.standardiser import Standardiser
from setwise.runs.config import FitConfig
from setwise.runs.training_range import TrainingRange
from setwise.store.processing import Processing
from setwise.targets.conformal import Conformal
from setwise.targets.objectives import Objective

FORMAT = 2
BEST_SINGLE = "best single model"  # of a stack, by the leaderboard; its row stands beside that of the stack
_Values = TypeVar("_Values", bound=dict[str, Any])
_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RecordedSplit(BaseModel):
    """Names of the sets of each part."""

    model_config = _FROZEN

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    calibration: tuple[str, ...] = ()

    @property
    def known(self) -> set[str]:
        """Return the sets that the run knows, so that it looks too good on them; all but those of the test part."""
        return {*self.train, *self.validation, *self.calibration}


class Member(BaseModel):
    """A member of an ensemble, and how it was fitted.

    Attributes:
        seed: of its first weights, orders and sub-samples.
        epochs: epochs done.
        best_epoch: the epoch whose weights are kept.
        seconds: wall time of its epochs.
        left_out: names of the training sets that it was not fitted on (`setwise.fit.cross_fit`).
    """

    model_config = _FROZEN

    seed: int
    epochs: int
    best_epoch: int
    seconds: float
    left_out: tuple[str, ...] = ()


class TestRow(BaseModel):
    """One line of the table of held-out results: a model, or something simple beside it.

    Attributes:
        name: of the model or the baseline.
        metrics: `setwise.targets.metrics.score`.
        intervals: of the metrics that have one, lower and upper end, at 95%.
    """

    model_config = _FROZEN
    __test__ = False  # pytest takes classes of this name for tests

    name: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]] = {}


class Ranked(BaseModel):
    """One line of the leaderboard of a stack: a model that was tried for it.

    Attributes:
        model: its name.
        score: the decisive metric on sets that the model had not seen; none where there were none to spare.
        interval: of the score, lower and upper end, at 95%.
        seconds: that its fits took.
        weight: in the stack, the mean over the targets; 0 of one that is not part of it.
        sees: what it takes from a set, in words.
        note: why it was left out.
    """

    model_config = _FROZEN

    model: str
    score: float | None = None
    interval: tuple[float, float] | None = None
    seconds: float = 0.0
    weight: float = 0.0
    sees: str = ""
    note: str = ""


class SeedCheck(BaseModel):
    """Measure how far a fit moves with nothing but its seed (`setwise.validate.seed_check`).

    Attributes:
        seeds: of the fits, that of the run first.
        metrics: of each fit, on the same sets.
        spread: by the numbers of a prediction, the standard deviation over the seeds, the median of the rows.
        most: the same, the largest of the rows.
        changed: by target of classes, rows that do not get the same class from every seed.
    """

    model_config = _FROZEN

    seeds: tuple[int, ...]
    metrics: tuple[dict[str, float], ...]
    spread: dict[str, float]
    most: dict[str, float]
    changed: dict[str, int] = {}


class RunRecord(BaseModel):
    """The content of ``model.json``.

    Attributes:
        format: of this record; a newer one is refused, those before it are read.
        versions: of setwise, Python and the libraries that computed.
        created: when the record was made, UTC.
        model: the name that the model was built by.
        spec: the model's specification (`setwise.models.spec_from_dict`).
        features: names of the element features, in the order that the model takes them.
        shape: trailing shape of an element in the store.
        standardiser: of the elements, or none (`setwise.prepare.standardiser.Standardiser`).
        covariates: of the sets, or none.
        objective: targets or classes.
        config: how the model was fitted, with the seed.
        fingerprint: of the data that it was fitted on.
        group: the column that kept sets together in the split, or none.
        weight_column: the column of the sets' weights in the loss, or none.
        split: names of the sets of each part.
        status: how the fit ended.
        epochs: epochs done, by all members together.
        best_epoch: the epoch whose weights are kept, of an ensemble the first member's; 0 if none was finished.
        seconds: wall time of all epochs.
        members: of an ensemble, in the order of their weights; empty for a model alone.
        num_parameters: numbers in the model that were fitted.
        leaderboard: of a stack, the models that were tried for it, best first; empty of other models.
        test: the model and what it has to beat, on the test sets; empty without a test part.
        folds: in which every set was predicted by a fit without it, for ``test``; 0 where a part was held out for it.
        conformal: what gives predictions their intervals, or none.
        weights_sha256: checksum of ``weights.safetensors``.
        processing: what was done to the elements while they were read (`setwise.store.processing.Processing`).
        left_out: columns of the source that are no features, and why.
        reading: what people should know of how the data were read, a sentence each.
        notes: what people should know of the result, a sentence each: what the test sets cannot tell, what intervals
            keep of their promise.
        skipped: files and sets that were left out of the data, and why.
        set_id: the column that named the sets; none where it is not known.
        choices: of reading that were made, by name.
        call: words for sets and elements in output and reports ("samples,cells"), or none.
        seed_check: what other seeds gave, or none.
        training_range: where the training sets lie, or none.
    """

    model_config = _FROZEN

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    versions: dict[str, str]
    created: str
    model: str
    spec: dict[str, Any]
    features: tuple[str, ...]
    shape: tuple[int, ...]
    standardiser: dict[str, list[float]] | None
    covariates: Covariates | None
    objective: Objective
    config: FitConfig
    fingerprint: str
    group: str | None
    weight_column: str | None = None
    split: RecordedSplit
    status: Literal["finished", "stopped early", "interrupted"]
    epochs: int
    best_epoch: int
    seconds: float
    num_parameters: int
    members: tuple[Member, ...] = ()
    leaderboard: tuple[Ranked, ...] = ()
    test: tuple[TestRow, ...] = ()
    folds: int = 0
    conformal: Conformal | None = None
    weights_sha256: str = ""
    processing: dict[str, Any] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)
    reading: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: dict[str, str] = Field(default_factory=dict)
    set_id: str | None = None
    choices: dict[str, Any] = Field(default_factory=dict)
    call: str | None = None
    seed_check: SeedCheck | None = None
    training_range: TrainingRange | None = None

    @property
    def measured_sets(self) -> int:
        """Return the number of sets that ``test`` is measured on."""
        return len(self.split.known) if self.folds else len(self.split.test)

    @property
    def measured_on(self) -> str:
        """Return what ``test`` is measured on, in words."""
        if self.folds:
            return f"{self.measured_sets:,} sets, each predicted by a fit without it ({self.folds} folds)"
        return f"{self.measured_sets:,} held-out sets"

    @property
    def processed(self) -> Processing:
        """Return what was done to the elements while they were read, to be done again to new ones."""
        return Processing.from_dict(self.processing)

    @field_validator("processing")
    @classmethod
    def _processing_is_whole(cls, values: dict[str, Any]) -> dict[str, Any]:
        return _proven(values, Processing.from_dict)

    @field_validator("spec")
    @classmethod
    def _spec_is_known(cls, spec: dict[str, Any]) -> dict[str, Any]:
        return _proven(spec, spec_from_dict)

    @field_validator("standardiser")
    @classmethod
    def _standardiser_is_whole(cls, numbers: dict[str, list[float]] | None) -> dict[str, list[float]] | None:
        return None if numbers is None else _proven(numbers, Standardiser.from_dict)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        """Refuse numbers that would be spread over more features, targets or covariates than they were taken from."""
        width = self.shape[0] if len(self.shape) == 1 else None
        counts = {"features": [len(self.features)] if width is not None else []}
        if self.standardiser is not None and width is not None:
            counts["features"] += [len(numbers) for numbers in self.standardiser.values()]
        pairs = {"features": width}
        if self.covariates is not None and self.covariates.width != self.spec.get("covariates"):
            raise ValueError(f"covariates become {self.covariates.width} features; the model was built for others")
        if len(self.members) > self.config.ensemble:
            raise ValueError(f"an ensemble of {self.config.ensemble} cannot have {len(self.members)} members")
        for name, found in counts.items():
            if any(count != pairs[name] for count in found):
                raise ValueError(f"{name} must have one name and one number each; got {pairs[name]} and {found}")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``model.json``.

        Raises:
            InputError: the file is missing, damaged, or of a newer version.
        """
        if not path.is_file():
            raise InputError(
                f"{path.parent} is not a finished run: it has no {path.name}. Name the directory that "
                "`setwise fit` wrote, or resume the run if it was stopped."
            )
        content = path.read_bytes()
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            written = _format_of(content)
            if written is not None and written > FORMAT:
                raise InputError(
                    f"{path} was written by a newer version of setwise (run format {written}, this version "
                    f"reads up to {FORMAT}). Install a newer setwise."
                ) from None
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "its JSON"
            said = first["msg"].removeprefix("Value error, ").rstrip(".")
            raise InputError(f"{path} is damaged: {where}: {said}. Restore the file, or fit the model again.") from None


def _proven(values: _Values, build: Callable[[_Values], object]) -> _Values:
    """Return the values, if something can be built from them; pydantic words what a ValueError says."""
    try:
        build(values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{error}") from error
    return values


class _Format(BaseModel):
    format: int


def _format_of(content: bytes) -> int | None:
    try:
        return _Format.model_validate_json(content).format
    except ValidationError:
        return None


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the packages that compute; reading them costs more than a small fit's step."""
    packages = ("setwise", "torch", "numpy", "pyarrow", "scikit-learn", "lightning-fabric", "safetensors")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def now() -> str:
    """Return the present moment, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
