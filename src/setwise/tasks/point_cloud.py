"""Point Cloud: ModelNet40's objects as sets of points, from PointNet's HDF5 files or from OFF meshes."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from setwise._checks import InputError, missing_packages
from setwise.tasks.files import ARCHIVE_ERRORS
from setwise.tasks.meshes import read_off, sample_surface
from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent, RemoteFile, Source

_ZIP = "modelnet40_ply_hdf5_2048.zip"
SOURCE = Source(
    text="Z. Wu and others, 3D ShapeNets, CVPR 2015 (ModelNet40); points by C. Qi and others, PointNet, CVPR 2017",
    licence="for academic use, as the page of ModelNet states",
    page="https://modelnet.cs.princeton.edu",
    folder="modelnet40",
    files=(RemoteFile(_ZIP, f"https://shapenet.cs.stanford.edu/media/{_ZIP}"),),
    instead=(
        ("**/ply_data_train*.h5", "**/ply_data_test*.h5"),
        ("ModelNet40/*/train/*.off", "ModelNet40/*/test/*.off"),
        ("*/train/*.off", "*/test/*.off"),
    ),
)
CLASSES = 40
_ELEMENTS = 1_000
MESH_POINTS = 2_048  # drawn of each mesh, as many as the HDF5 files hold
BINS = 10  # of each coordinate, where points are categories
_CLIP = 100.0
_AGAIN = "Fetch it again: setwise data get point-cloud."


def point_cloud(directory: Path | None, extent: Extent) -> TaskData:
    """Read objects as sets of 1,000 points x, y, z; target one of 40 classes. Each cloud is standardised.

    Args:
        directory: with PointNet's zip or its ``ply_data_*.h5``, or with meshes ``ModelNet40/<class>/train/*.off``.
        extent: how much; points are one fixed subset of places for every cloud, or drawn afresh.

    Raises:
        InputError: missing or damaged files.
        InputError: h5py is not installed, where HDF5 files are read.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 6, and the authors' code.
    """
    assert directory is not None
    train, test = read_clouds(directory, extent)
    elements = extent.elements or _ELEMENTS
    train, test = train.first(extent.train), test.first(extent.test)
    kept = fixed_subset(train.set_size or 0, elements)
    held = _prepared(_subset(test, kept))
    if extent.fresh:
        return TaskData(_prepared(train), {"test": held}, draw=len(kept))
    return TaskData(_prepared(_subset(train, kept)), {"test": held})


def categorical_point_cloud(directory: Path | None, extent: Extent) -> TaskData:
    """Make the same clouds with each point the number of its cell, of 10 x 10 x 10 equal cells of the cloud's box.

    Differs from the paper: the authors' categorical file is not published, only that it has 1,000 categories; equal
    cells of each cloud's own bounding box are our reading.
    """
    assert directory is not None
    train, test = read_clouds(directory, extent)
    kept = fixed_subset(train.set_size or 0, extent.elements or _ELEMENTS)
    cells = [_cells(_subset(part, kept)) for part in (train.first(extent.train), test.first(extent.test))]
    return TaskData(cells[0], {"test": cells[1]})


def standardised(points: np.ndarray) -> np.ndarray:
    """Standardise clouds ``(B, S, 3)`` to mean 0 and standard deviation 1 over all coordinates of each.

    Values are clipped first at 100 times the mean absolute value of their cloud.
    """
    limit = _CLIP * np.abs(points).mean((1, 2), keepdims=True)
    clipped = np.clip(points, -limit, limit)
    std = clipped.std((1, 2), keepdims=True)
    return (clipped - clipped.mean((1, 2), keepdims=True)) / np.where(std > 0, std, 1.0)


def fixed_subset(available: int, wanted: int) -> np.ndarray:
    """Draw places that are kept of every set, the same for all; all of them where no more are there."""
    return np.random.default_rng(0).permutation(available)[:wanted]


def read_clouds(directory: Path, extent: Extent) -> tuple[TaskSets, TaskSets]:
    """Read training and test clouds as they are in the files."""
    places = [path.parent for path in sorted(directory.glob("**/ply_data_train*.h5"))]
    if (directory / _ZIP).is_file():
        places.insert(0, directory / _ZIP)
    if places:
        train, test = _read_part(places[0], "train"), _read_part(places[0], "test")
        if train.set_size != test.set_size:
            raise InputError(
                f"{places[0]} must hold training and test clouds of as many points; "
                f"got {train.set_size} and {test.set_size}. {_AGAIN}"
            )
        return train, test
    for tree in (directory / "ModelNet40", directory):
        classes = sorted(path.parent.name for path in tree.glob("*/train"))
        if len(classes) > CLASSES:
            raise InputError(f"{tree} must hold {CLASSES} classes at most, a folder each; got {len(classes)}.")
        if classes:
            return (
                _read_meshes(tree, "train", classes, extent.train),
                _read_meshes(tree, "test", classes, extent.test),
            )
    raise InputError(
        f"{directory} must hold {_ZIP}, its ply_data_train*.h5, or meshes ModelNet40/<class>/train/*.off. "
        "Fetch the first with: setwise data get point-cloud."
    )


def _read_part(place: Path, part: str) -> TaskSets:
    """Read clouds of all HDF5 files of a part, from a folder or out of the zip."""
    clouds, labels = [], []
    for name, source in _hdf5_files(place, part):
        points, kinds = _read_hdf5(name, source)
        if clouds and points.shape[1] != clouds[0].shape[1]:
            raise InputError(
                f"{name} must hold clouds of {clouds[0].shape[1]} points, as the file before it; "
                f"got {points.shape[1]}. {_AGAIN}"
            )
        clouds.append(points)
        labels.append(kinds.astype(np.int64))
    if not clouds:
        raise InputError(f"{place} must hold ply_data_{part}0.h5 and so on; there is none. {_AGAIN}")
    points = np.concatenate(clouds)
    return TaskSets.of(points.reshape(-1, 3), np.concatenate(labels), sizes=points.shape[1])


def _hdf5_files(place: Path, part: str) -> list[tuple[str, Any]]:
    """Return the name that errors give each file of a part, and what h5py opens."""
    pattern = f"ply_data_{part}*.h5"
    if place.is_dir():
        return [(str(path), path) for path in sorted(place.glob(pattern))]
    try:
        with zipfile.ZipFile(place) as archive:
            names = sorted(name for name in archive.namelist() if Path(name).match(pattern))
            return [(f"{place}: {name}", BytesIO(archive.read(name))) for name in names]
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{place} is damaged: {error}. {_AGAIN}") from error


def _read_hdf5(name: str, source: Any) -> tuple[np.ndarray, np.ndarray]:
    """Read clouds ``(B, S, 3)`` and their class numbers ``(B,)`` from one file."""
    try:
        import h5py
    except ImportError as error:
        raise missing_packages("HDF5 files", ["h5py"], "hdf5") from error
    try:
        with h5py.File(source, "r") as file:
            points, kinds = np.asarray(file["data"], np.float32), np.asarray(file["label"]).reshape(-1)
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InputError(f"{name} is damaged: {error}. {_AGAIN}") from error
    if points.ndim != 3 or points.shape[2] != 3 or not points.size or len(points) != len(kinds):
        raise InputError(
            f"{name} must hold 'data' (clouds, points, 3) and as many 'label'; "
            f"got {points.shape} and {kinds.shape}. {_AGAIN}"
        )
    if not np.isfinite(points).all():
        cloud = int((~np.isfinite(points)).any((1, 2)).argmax())
        raise InputError(f"{name}: coordinates must be finite; cloud {cloud} holds NaN or infinity. {_AGAIN}")
    outside = ~np.isin(kinds, np.arange(CLASSES))
    if outside.any():
        raise InputError(f"{name}: 'label' must be classes 0 to {CLASSES - 1}; got {kinds[outside][0]}. {_AGAIN}")
    return points, kinds


def _read_meshes(tree: Path, part: str, classes: list[str], most: int | None) -> TaskSets:
    """Read meshes and draw points from their surfaces, each mesh with a seed of its own."""
    paths = [
        (number, path) for number, name in enumerate(classes) for path in sorted(tree.glob(f"{name}/{part}/*.off"))
    ]
    if not paths:
        raise InputError(f"{tree} must hold meshes <class>/{part}/*.off; there is none.")
    paths = [paths[place] for place in np.random.default_rng(0).permutation(len(paths))[:most]]
    clouds = [
        sample_surface(
            *read_off(path),
            points=MESH_POINTS,
            generator=np.random.default_rng((place, part == "test")),
            name=str(path),
        )
        for place, (_, path) in enumerate(paths)
    ]
    return TaskSets.of(np.concatenate(clouds), np.array([number for number, _ in paths]), sizes=MESH_POINTS)


def _subset(sets: TaskSets, kept: np.ndarray) -> TaskSets:
    assert sets.set_size is not None
    points = sets.pool.view(len(sets), sets.set_size, 3)[:, torch.from_numpy(kept)]
    return TaskSets.of(points.flatten(0, 1), sets.targets, sizes=len(kept))


def _prepared(sets: TaskSets) -> TaskSets:
    assert sets.set_size is not None
    points = standardised(sets.pool.view(len(sets), sets.set_size, 3).numpy())
    return TaskSets.of(points.reshape(-1, 3), sets.targets, sizes=sets.set_size)


def _cells(sets: TaskSets) -> TaskSets:
    assert sets.set_size is not None
    points = sets.pool.view(len(sets), sets.set_size, 3)
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    cells = ((points - low) / (high - low).clamp_min(1e-12) * BINS).long().clamp_max(BINS - 1)
    codes = (cells[..., 0] * BINS + cells[..., 1]) * BINS + cells[..., 2]
    return TaskSets.of(codes.flatten()[:, None], sets.targets, sizes=sets.set_size)
