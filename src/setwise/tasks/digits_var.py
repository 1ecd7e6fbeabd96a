"""The demo's sets of scikit-learn's digits as a task of the experiments."""

from pathlib import Path

import numpy as np

from setwise.tasks.digits import digit_sets
from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent

_TRAIN, _TEST, _SIZES = 10_000, 1_000, (6, 10)


def digits_var(directory: Path | None, extent: Extent) -> TaskData:  # noqa: ARG001 - one signature for all tasks
    """Make sets of 6 to 10 images of 8 x 8 pixels, 0 to 16; target the population variance of the digits.

    Images of test sets are in no training set. Not a task of the paper: MNIST Var in small, on data that come with a
    dependency.
    """
    most = _SIZES[1] if extent.elements is None else extent.elements
    drawn = digit_sets(
        train=extent.train or _TRAIN, test=extent.test or _TEST, sizes=(min(_SIZES[0], most), most), seed=0
    )
    ids = drawn.elements["set_id"].to_numpy(zero_copy_only=False)
    pixels = [name for name in drawn.elements.column_names if name != "set_id"]
    images = np.stack([drawn.elements[name].to_numpy() for name in pixels], axis=1).astype(np.float32)
    names = drawn.sets["set_id"].to_numpy(zero_copy_only=False)
    split = drawn.sets["split"].to_numpy(zero_copy_only=False)
    variance = drawn.sets["variance"].to_numpy().astype(np.float32)[:, None]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    if not np.array_equal(ids[starts], names):
        raise AssertionError("the tables of elements and sets are in one order")
    sizes = np.diff(np.r_[starts, len(ids)])

    def part(name: str) -> TaskSets:
        own = split == name
        return TaskSets.of(images[np.repeat(own, sizes)], variance[own], sizes=sizes[own])

    return TaskData(part("train"), {"test": part("test")})
