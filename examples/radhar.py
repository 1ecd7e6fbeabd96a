"""Tell five activities apart by radar point clouds: windows of two seconds as sets, the repository's test split.

Source: https://github.com/nesl/RadHAR (BSD 3-Clause); Singh et al. 2019, mmNets. Windows do not overlap: 60
frames each; what is left of a recording is dropped.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from examples.clock import Clock
from examples.outcome import Outcome, of_rows
from examples.program import setwise
from setwise.runs.record import TestRow
from setwise.store.store import SetStore
from setwise.targets import Objective

FOLDER = "radhar"
REPEATS = 1
_FRAMES = 60


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:  # noqa: ARG001 - one split
    """Fit on the training recordings, measure on the test recordings; a run that was stopped goes on."""
    path = out / "windows.arrow"
    if not path.exists():
        windows(data / "radhar_frames.npz", keep=20 if reduced else 1).save(path)
    few = ("--epochs", 1, "--ensemble", 1, "--max-elements", 50) if reduced else ()
    record = out / "run" / "model.json"
    asked = (path, "--target", "activity", "--group", "recording", *few, "--out", out / "run", "--resume")
    if not record.exists() and not setwise("fit", *asked, clock=clock):
        return []
    fitted = json.loads(record.read_text())
    rows = [TestRow.model_validate(row) for row in fitted["test"]]
    objective = Objective.model_validate(fitted["objective"])
    return [
        of_rows(
            rows,
            objective,
            metric,
            metric_name=name,
            example="radhar",
            case="windows of 60 frames, 5 activities",
            evaluation="its own test split",
            published=published,
        )
        for metric, name, published in (
            ("accuracy", "accuracy", "moments with logistic regression 0.903"),
            ("cross_entropy", "cross entropy, nats", ""),
        )
    ]


def windows(path: Path, *, keep: int = 1) -> SetStore:
    """Make windows of points with x, y, z, velocity and intensity; every ``keep``-th of them."""
    with np.load(path) as file:
        points, per_frame, file_of = file["points"][:, :5], file["frame_n"], file["frame_file"]
        label, split, name = file["label"], file["split"], file["file_name"]
    first_point = np.concatenate([[0], np.cumsum(per_frame, dtype=np.int64)])
    spans, rows = [], []
    for recording in range(len(name)):
        frames = np.flatnonzero(file_of == recording)
        for start in range(0, len(frames) - _FRAMES + 1, _FRAMES):
            spans.append((first_point[frames[start]], first_point[frames[start + _FRAMES - 1] + 1]))
            rows.append(recording)
    spans, rows = spans[::keep], rows[::keep]
    table = pa.table(
        {
            "set_id": [f"{name[r]}:{start}" for r, (start, _) in zip(rows, spans, strict=True)],
            "activity": [str(label[r]) for r in rows],
            "split": [str(split[r]) for r in rows],
            "recording": [str(name[r]) for r in rows],
        }
    )
    elements = np.concatenate([points[a:b] for a, b in spans])
    return SetStore(elements, [b - a for a, b in spans], table, features=["x", "y", "z", "velocity", "intensity"])
