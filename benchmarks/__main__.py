"""``python -m benchmarks``: measure, append the rows to a CSV file, print a table of ratios within this run."""

import argparse
import csv
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch

import setwise as sw
from benchmarks.cases import BATCHES, MODELS, floor, make_batch, make_model
from benchmarks.measure import compare, kept_bytes
from benchmarks.textbook import Textbook

RESULTS = Path(__file__).parent / "results.csv"
_AGREE = 1e-3  # of the largest output; the speed of a variant that differs more is not told


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--batches", nargs="+", choices=BATCHES, default=list(BATCHES), metavar="BATCH")
    parser.add_argument("--seconds", type=float, default=20, help="for each line of the table (default: 20)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| model | batch | pass | ours, s | ours / floor | textbook / ours | kept, MiB: ours | textbook |")
    print("|---|---|---|---|---|---|---|---|")
    for model in arguments.models:
        for batch in arguments.batches:
            for training in (True, False):
                row = measure(model, batch, training=training, seconds=arguments.seconds)
                append(row)
                print(line(row), flush=True)


def measure(name: str, batch_name: str, *, training: bool, seconds: float) -> dict[str, str | float]:
    """One line: ours, the textbook's and the floor's times in one run, memory kept, versions."""
    model, batch = make_model(name), make_batch(batch_name)
    textbook = Textbook(model)
    padded, sizes = batch.to_padded()
    mask = torch.arange(padded.shape[1]) < sizes[:, None]

    def ours() -> torch.Tensor:
        return model(batch)

    def theirs() -> torch.Tensor:
        return textbook(padded, mask)

    def run(function):
        def step() -> None:
            if not training:
                with torch.no_grad():
                    function()
                return
            for parameter in model.parameters():
                parameter.grad = None
            function().square().mean().backward()

        return step

    with torch.no_grad():
        expected = theirs()
        error = float((ours() - expected).abs().max() / expected.abs().max())
    if not error < _AGREE:
        raise SystemExit(f"{name}, {batch_name}: outputs differ by {error:.1e}; no speed is told.")
    timings = compare(
        {"ours": run(ours), "textbook": run(theirs), "floor": floor(name, sizes.tolist(), training=training)},
        seconds=seconds,
    )
    row: dict[str, str | float] = {"model": name, "batch": batch_name, "pass": "training" if training else "inference"}
    for variant, timing in timings.items():
        row |= {f"{variant}_s": timing.median, f"{variant}_s_10": timing.low, f"{variant}_s_90": timing.high}
    if training:
        row |= {"ours_kept_bytes": kept_bytes(ours), "textbook_kept_bytes": kept_bytes(theirs)}
    return row | {"difference": error, "unit": "s", "dtype": "float32"} | conditions()


def conditions() -> dict[str, str | float]:
    """When and with what it was measured."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "device": f"{platform.machine()} CPU",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "setwise": sw.__version__,
    }


def append(row: dict[str, str | float]) -> None:
    """Add a row to the CSV file; rows are never edited."""
    columns = [
        *("date", "commit", "model", "batch", "pass", "unit", "dtype", "device", "threads", "torch", "setwise"),
        *(f"{v}_s{q}" for v in ("ours", "textbook", "floor") for q in ("", "_10", "_90")),
        *("ours_kept_bytes", "textbook_kept_bytes", "difference"),
    ]
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerow(row)


def line(row: dict[str, str | float]) -> str:
    """The row as a line of the table."""
    ours, textbook, least = (float(row[f"{v}_s"]) for v in ("ours", "textbook", "floor"))
    kept = [row.get(f"{variant}_kept_bytes") for variant in ("ours", "textbook")]
    mebibytes = ["" if size is None else f"{float(size) / 2**20:,.0f}" for size in kept]
    ratios = f"{ours / least:.2f}", f"{textbook / ours:.2f}"
    cells = [row["model"], row["batch"], row["pass"], f"{ours:.3g}", *ratios, *mebibytes]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
