"""Hematocrit: red blood cells of a patient, and the part of the blood that cells take up (Flow-RBC)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError, missing_packages
from setwise.tasks.point_cloud import fixed_subset
from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent, RemoteFile, Source

_FILE = "hematocrit.h5"
SOURCE = Source(
    text="L. Zhang, V. Tozzo, J. Higgins, R. Ranganath, Flow-RBC (Massachusetts General Hospital)",
    licence="as stated on the page; research use",
    page="https://cims.nyu.edu/~lhz209/flowrbc",
    folder="hematocrit",
    files=(RemoteFile(_FILE),),
)
_ELEMENTS = 1_000
_CHUNK = 512  # sets read at a time
BINS = 10  # of each feature, where cells are categories


def hematocrit(directory: Path | None, extent: Extent) -> TaskData:
    """Make sets of volume and hemoglobin mass of 1,000 red cells; target the hematocrit in percent.

    98,240 training and 23,104 test patients, first visit only; one fixed subset of places for every patient, or cells
    drawn afresh.

    Args:
        directory: with ``hematocrit.h5``: ``train_data`` (patients, cells, 2), ``train_labels`` and the same for test.
        extent: how much.

    Raises:
        InputError: a missing or damaged file.
        InputError: h5py is not installed.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 6.
    """
    assert directory is not None
    path = directory / _FILE
    if not path.is_file():
        raise InputError(
            f"{path} is not there. Get it from {SOURCE.page}, then: setwise data get hematocrit --from DIRECTORY."
        )
    try:
        import h5py
    except ImportError as error:
        raise missing_packages("HDF5 files", ["h5py"], "hdf5") from error
    elements = extent.elements or _ELEMENTS
    try:
        with h5py.File(path, "r") as file:
            test = _read(file, "test", path, extent.test, elements)
            if not extent.fresh:
                return TaskData(_read(file, "train", path, extent.train, elements), {"test": test})
            return TaskData(_read(file, "train", path, extent.train, None), {"test": test}, draw=elements)
    except (OSError, KeyError, OverflowError, RuntimeError) as error:
        raise InputError(f"{path} is damaged: {error}. Get it again from {SOURCE.page}.") from error


def categorical_hematocrit(directory: Path | None, extent: Extent) -> TaskData:
    """Make sets of the same cells as numbers on a grid: 10 x 10 equal fields between the features' extremes.

    Differs from the paper: the authors' categorical file is not published, only that it has 100 categories.
    """
    whole = hematocrit(directory, extent)
    low, high = whole.train.pool.amin(0), whole.train.pool.amax(0)

    def cells(sets: TaskSets) -> TaskSets:
        places = ((sets.pool - low) / (high - low).clamp_min(1e-12) * BINS).long().clamp(0, BINS - 1)
        assert sets.set_size is not None
        return TaskSets.of((places[:, 0] * BINS + places[:, 1])[:, None], sets.targets, sizes=sets.set_size)

    return TaskData(cells(whole.train), {"test": cells(whole.tests["test"])}, whole.draw)


def _read(file: Any, part: str, path: Path, sets: int | None, elements: int | None) -> TaskSets:
    """Read the fixed subset of cells of each patient, some patients at a time; all cells where none is named."""
    data, labels = file[f"{part}_data"], file[f"{part}_labels"]
    # A group has no shape, an empty dataset has none either.
    shape, labels_shape = (getattr(item, "shape", None) or () for item in (data, labels))
    if len(shape) != 3 or shape[2] != 2 or labels_shape[:1] != shape[:1] or 0 in shape + labels_shape:
        raise InputError(
            f"{path}: {part}_data must be (patients, cells, 2) with as many {part}_labels, and one patient at least; "
            f"got {shape} and {labels_shape}. Get it again from {SOURCE.page}."
        )
    if not {data.dtype.kind, labels.dtype.kind} <= set("fiu"):
        raise InputError(f"{path}: {part} must hold numbers; got {data.dtype} and {labels.dtype}.")
    labels = np.asarray(labels, np.float32)
    count = len(data) if sets is None else min(sets, len(data))
    places = fixed_subset(data.shape[1], data.shape[1] if elements is None else elements)
    cells = np.empty((count, len(places), 2), np.float32)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        cells[start:stop] = data[start:stop][:, places]
    if not np.isfinite(cells).all() or not np.isfinite(labels).all():
        raise InputError(f"{path}: {part} holds NaN or infinity. Get it again from {SOURCE.page}.")
    targets = torch.from_numpy(labels.reshape(len(labels), -1)[:count, :1].copy())
    return TaskSets.of(cells.reshape(-1, 2), targets, sizes=len(places))
