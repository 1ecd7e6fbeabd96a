"""Keep records of runs, one line of JSON each; the report is made from them alone."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from setwise._checks import InputError

RESULTS = Path(__file__).parent / "results"


class Record(BaseModel):
    """A record of one run that ended.

    Attributes:
        run: its identity, a function of configuration and seed.
        table_row: key of the row.
        task: name of the task.
        scale: "paper" or "small".
        seed: of the first weights.
        configuration: everything that decides the run beside the seed.
        status: "finished", or "diverged" where the loss or its gradient became infinite.
        metric: "mse", "cross_entropy" (nats) or "accuracy".
        test: the metric by test part and way of measuring, as `experiments.measuring.measure` has them.
        losses: mean training loss of each epoch.
        seconds: wall time of training, all sittings together.
        ms_per_step: milliseconds to a step of the optimizer, median over the epochs.
        parameters: number of the model's parameters.
        device: where it ran.
        threads: of torch, on the CPU.
        versions: of setwise, torch, numpy and Python.
        data: what tells the training data from others in short, none in older records.
        commit: of the code, or none.
        finished: when, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    run: str
    table_row: str
    task: str
    scale: str
    seed: int
    configuration: dict[str, Any]
    status: Literal["finished", "diverged"]
    metric: str
    test: dict[str, dict[str, float | None]]
    losses: tuple[float, ...]
    seconds: float
    ms_per_step: float | None
    parameters: int | None
    device: str
    threads: int
    versions: dict[str, str]
    data: str | None = None
    commit: str | None
    finished: str

    @property
    def value(self) -> float | None:
        """Return the number that the paper's tables have, or none where training failed."""
        return self.test["test"].get("value") if "test" in self.test else None


_BEGINNING = b'{"run":'
Cells = dict[tuple[str, str, str], list[Record]]  # by scale, task and key of the row


def append(record: Record, results: Path = RESULTS) -> Path:
    """Add a record to the file of its task and scale, by one write under a lock; the file.

    A line that a killed run left unfinished is ended first, so that it harms nothing but itself.
    """
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{record.scale}-{record.task}.jsonl"
    line = json.dumps(record.model_dump(mode="json"), allow_nan=False, separators=(",", ":")).encode() + b"\n"
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return path


def read(results: Path = RESULTS) -> list[Record]:
    """Read all records, of a run that was recorded twice the last; none where there is no file yet.

    Lines that a killed process cut short are left out; any other line that is no record is refused.

    Raises:
        InputError: a damaged line, by file and number.
    """
    found = {record.run: record for path in sorted(results.glob("*.jsonl")) for record in _lines(path)}
    return list(found.values())


def recorded(results: Path = RESULTS) -> set[str]:
    """Return the identities of the runs that have a record."""
    return {record.run for record in read(results)}


def _lines(path: Path) -> Iterator[Record]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line or _cut_short(line):
            continue
        try:
            yield Record.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{path}, line {number}, is not a record: {'.'.join(map(str, first['loc']))} {first['msg']}. "
                "Remove the line; its run will be done again."
            ) from error


def _cut_short(line: bytes) -> bool:
    """Return whether a write was cut off: the beginning of a record, which is no JSON value."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return line.startswith(_BEGINNING[: len(line)]) and not error.msg.startswith("Extra data")
    except UnicodeDecodeError:
        return False
    return False


def by_cell(records: Sequence[Record]) -> Cells:
    """Group records by scale, task and row, in the order of the seeds."""
    cells: Cells = {}
    for record in sorted(records, key=lambda record: record.seed):
        cells.setdefault((record.scale, record.task, record.table_row), []).append(record)
    return cells
