"""Keep what was measured, a small JSON file for each data set, entrant and repeat; the page is made from them alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from setwise._checks import InputError
from setwise._files import make_directory, write_atomic

RESULTS = Path(__file__).parent / "results"


class Record(BaseModel):
    """What one repeat of an entrant on a data set found.

    Attributes:
        data: name of the data set.
        entrant: name.
        repeat: from 1.
        fingerprint: of the data.
        sets: measured.
        clusters: groups or sets that intervals are drawn over.
        folds: of the repeat.
        metrics: of the predictions for all test sets together.
        intervals: 95 %, where enough draws define them.
        seconds: of all fits and predictions, on the wall's clock of a machine that may have had other work.
        processor_seconds: of the same, spent by the process.
        threads: of torch.
        refused: why the entrant cannot be fitted to these data, or nothing.
        versions: of the packages that compute.
        commit: of the code, or none.
        finished: when, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str
    entrant: str
    repeat: int
    fingerprint: str
    sets: int = 0
    clusters: int = 0
    folds: int
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    seconds: float = 0.0
    processor_seconds: float = 0.0
    threads: int
    refused: str = ""
    versions: dict[str, str]
    commit: str | None
    finished: str


@dataclass(frozen=True)
class Row:
    """The repeats of an entrant on a data set, together.

    Attributes:
        data, entrant: names.
        repeats: how many there are.
        metrics: means over the repeats.
        intervals: means of their ends, which is a little wide: repeats share their sets.
        seconds: of a repeat, their mean.
        refused: why there is no number, or nothing.
        versions: of setwise and torch, of the last repeat.
        finished: the day of the last repeat.
    """

    data: str
    entrant: str
    repeats: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    seconds: float
    refused: str
    versions: str
    finished: str


def path_of(results: Path, data: str, entrant: str, repeat: int) -> Path:
    """Return the file of a record."""
    return results / data / f"{entrant}-{repeat}.json"


def keep(record: Record, results: Path) -> Path:
    """Write a record, whole or not at all; its file."""
    path = path_of(results, record.data, record.entrant, record.repeat)
    make_directory(path.parent)
    write_atomic(path, (record.model_dump_json(indent=1) + "\n").encode())
    return path


def read_records(results: Path) -> list[Record]:
    """Read all records, in the order of their data, entrants and repeats.

    Raises:
        InputError: a file that is no record, by its name.
    """
    records = []
    for path in results.glob("*/*.json"):
        try:
            records.append(Record.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            raise InputError(f"{path} is damaged: it is no record. Delete it; it is measured again.") from error
    return sorted(records, key=lambda record: (record.data, record.entrant, record.repeat))


def rows_of(records: Sequence[Record]) -> dict[tuple[str, str], Row]:
    """Join the repeats of each entrant on each data set."""
    own: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        own.setdefault((record.data, record.entrant), []).append(record)
    return {key: _row(repeats) for key, repeats in own.items()}


def _row(records: Sequence[Record]) -> Row:
    last = max(records, key=lambda record: record.finished)
    measured = [record for record in records if not record.refused]
    metrics, intervals = {}, {}
    for name in measured[0].metrics if measured else ():
        if all(name in record.metrics for record in measured):
            metrics[name] = float(np.mean([record.metrics[name] for record in measured]))
        if all(name in record.intervals for record in measured):
            low, high = np.mean([record.intervals[name] for record in measured], axis=0).tolist()
            intervals[name] = low, high
    return Row(
        data=last.data,
        entrant=last.entrant,
        repeats=len(measured),
        metrics=metrics,
        intervals=intervals,
        seconds=float(np.mean([record.seconds for record in measured])) if measured else 0.0,
        refused="" if measured else last.refused,
        versions=", ".join(f"{name} {last.versions[name]}" for name in ("setwise", "torch") if name in last.versions),
        finished=last.finished[:10],
    )
