"""Keep the record of each epoch, a line of ``metrics.jsonl``."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from setwise._checks import InputError


class EpochRecord(BaseModel):
    """The record of one epoch.

    Attributes:
        epoch: from 1.
        train_loss: mean over the sets of the epoch, while the weights moved; the objective's units.
        gradient_norm: largest norm of a step's gradient before clipping.
        learning_rate: at the last step.
        seconds: wall time of the epoch, its validation included.
        validation_loss: with the weights at the end of the epoch, or none without a validation part.
        validation: metrics of the validation part in the targets' units.
        member: of an ensemble, from 1; none for a model alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int
    train_loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    validation_loss: float | None = None
    validation: dict[str, float] = {}
    member: int | None = None


def to_line(record: EpochRecord) -> str:
    """Return one line of JSON, without its end."""
    return json.dumps(record.model_dump(exclude_none=True), allow_nan=False)


def to_lines(history: Sequence[EpochRecord]) -> str:
    """Return the content of ``metrics.jsonl``."""
    return "".join(to_line(record) + "\n" for record in history)


def read_history(path: Path) -> list[EpochRecord]:
    """Read the epochs that ``metrics.jsonl`` holds; none where there is no such file.

    Raises:
        InputError: a line that is not an epoch's record, by its number.
    """
    if not path.is_file():
        return []
    history = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            history.append(EpochRecord.model_validate_json(line))
        except ValidationError as error:
            raise InputError(
                f"{path}, line {number}, is damaged: it is not the record of an epoch. "
                "Remove the line; the model itself does not need it."
            ) from error
    return history
