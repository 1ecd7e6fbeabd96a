"""Keep the file of results: a row per model, batch, pass and variant; rows are added, never edited."""

import csv
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.measure import Timing

RESULTS = Path(__file__).parent / "results.csv"
Row = dict[str, str]
COLUMNS = (
    *("date", "commit", "device", "threads", "torch", "setwise", "dtype"),
    *("model", "batch", "pass", "variant", "seconds", "seconds_10", "seconds_90", "to_floor"),
    *("kept_bytes", "peak_bytes", "difference"),
)


def timed(variant: str, timing: Timing, *, floor: float | None = None) -> Row:
    """Return the columns of a row that give a variant's time; ``floor`` in seconds."""
    row = {"variant": variant, "seconds": f"{timing.median:.6g}"}
    row |= {"seconds_10": f"{timing.low:.6g}", "seconds_90": f"{timing.high:.6g}"}
    return row if floor is None else row | {"to_floor": f"{timing.median / floor:.4g}"}


def conditions(device: torch.device = torch.device("cpu")) -> Row:  # noqa: B008 - a constant
    """Return the columns of a row that say when, where and with what it was measured."""
    changed = _git("status", "--porcelain", "--", "*.py", "*.toml")  # results are added to, code is not
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else ""),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU",
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "setwise": _version("setwise"),
        "dtype": "float32",
    }


def _git(*arguments: str) -> str:
    """Return the output of a git command in this checkout; nothing where it is no checkout."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def _version(package: str) -> str:
    """Return the version of an installed package; setwise may also lie on the path alone."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def append(rows: list[Row], path: Path = RESULTS, columns: Sequence[str] = COLUMNS) -> None:
    """Add rows to a file of these columns."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def newest(path: Path = RESULTS) -> dict[tuple[str, str, str], dict[str, Row]]:
    """Return the last run of every model, batch and pass on a CPU: its rows by variant."""
    found: dict[tuple[str, str, str], dict[str, Row]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["device"] and "CPU" not in row["device"]:
                continue
            case = (row["model"], row["batch"], row["pass"])
            held = found.setdefault(case, {})
            if any(other["date"] != row["date"] for other in held.values()):
                found[case] = held = {}
            held[row["variant"]] = row
    return found
