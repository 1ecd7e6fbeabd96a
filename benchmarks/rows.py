"""The file of results: a row per model, batch, pass and variant; rows are added, never edited."""

import csv
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

import setwise as sw

RESULTS = Path(__file__).parent / "results.csv"
Row = dict[str, str]
COLUMNS = (
    *("date", "commit", "device", "threads", "torch", "setwise", "dtype"),
    *("model", "batch", "pass", "variant", "seconds", "seconds_10", "seconds_90", "to_floor"),
    *("kept_bytes", "peak_bytes", "difference"),
)


def conditions() -> Row:
    """When and with what it was measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "device": f"{platform.machine()} CPU",
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "setwise": sw.__version__,
        "dtype": "float32",
    }


def append(rows: list[Row], path: Path = RESULTS, columns: Sequence[str] = COLUMNS) -> None:
    """Add rows to a file of these columns."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def newest(path: Path = RESULTS) -> dict[tuple[str, str, str], dict[str, Row]]:
    """The last run of every model, batch and pass: its rows by variant."""
    found: dict[tuple[str, str, str], dict[str, Row]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            case = (row["model"], row["batch"], row["pass"])
            held = found.setdefault(case, {})
            if any(other["date"] != row["date"] for other in held.values()):
                found[case] = held = {}
            held[row["variant"]] = row
    return found
