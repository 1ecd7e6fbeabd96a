"""Five activities by radar point clouds: windows of two seconds as sets."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from accuracy.dataset import Dataset
from accuracy.protocols import given_split
from setwise.store.store import SetStore

_FRAMES = 60


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
            "target": [str(label[r]) for r in rows],
            "split": [str(split[r]) for r in rows],
            "recording": [str(name[r]) for r in rows],
        }
    )
    elements = np.concatenate([points[a:b] for a, b in spans])
    return SetStore(elements, [b - a for a, b in spans], table, features=["x", "y", "z", "velocity", "intensity"])


def _read(data: Path) -> SetStore:
    return windows(data / RADHAR.file)


RADHAR = Dataset(
    name="radhar",
    title="five activities by radar point clouds, windows of 60 frames (two seconds) that do not overlap",
    source="https://github.com/nesl/RadHAR (BSD 3-Clause); Singh et al. 2019, mmNets.",
    file="radhar/radhar_frames.npz",
    read=_read,
    folds=given_split("split"),
    evaluation="the repository's test split; repeats are other seeds of the fits",
    repeats=3,
    group="recording",
    published="moments with logistic regression 0.903, on the same windows",
    goal=0.97,
    cost=40,
)
