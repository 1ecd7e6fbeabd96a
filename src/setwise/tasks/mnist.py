"""MNIST Var: sets of handwritten digits and the population variance of what they show."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from setwise._checks import InputError
from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent, RemoteFile, Source

_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
SOURCE = Source(
    text="Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits",
    licence="none stated by its authors",
    page="https://yann.lecun.com/exdb/mnist",
    folder="mnist",
    files=(
        RemoteFile(f"{_IMAGES}.gz", f"{_MIRROR}{_IMAGES}.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        RemoteFile(f"{_LABELS}.gz", f"{_MIRROR}{_LABELS}.gz", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
    ),
    instead=((_IMAGES, _LABELS), ("mnist_png/training/*/*.png",), ("training/*/*.png",)),
)
_TRAIN, _TEST = 50_000, 1_000
HELD_OUT = 1_000  # images of each digit that only test sets see
_SEEDS = {"train": 0, "test": 1}
_SIDE = 28  # pixels of an image
_AGAIN = "Fetch it again: setwise data get mnist-var."


def mnist_var(
    directory: Path | None,
    extent: Extent,
    *,
    sizes: tuple[int, int] = (10, 10),
    scale: float = 1.0,
    held_out: int = HELD_OUT,
) -> TaskData:
    """Make sets of MNIST's training images, raw pixels 0 to 255; target the population variance of the digits.

    Of each digit's images the last 1,000 are for test sets alone, in the order of the names of the published PNG files
    sorted as text (0.png, 1.png, 10.png, 100.png ...). A set draws its images uniformly with replacement.

    Args:
        directory: with the two idx files (``.gz`` or not), or the tree ``mnist_png/training/<digit>/<number>.png``.
        extent: how many sets; ``elements`` replaces the largest size.
        sizes: fewest and most images of a set; each size is as likely.
        scale: what pixels are divided by; 1 as in the paper.
        held_out: images of each digit for test sets.

    Raises:
        InputError: a missing or damaged file, or too few images of a digit.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 6, and the authors' code.
    """
    assert directory is not None
    images, labels = read_images(directory)
    fewest, most = sizes
    if extent.elements is not None:
        fewest, most = min(fewest, extent.elements), extent.elements
    pool = torch.from_numpy(images.reshape(len(images), -1))
    train, test = held_out_images(labels, held_out)
    counts = {"train": extent.train or _TRAIN, "test": extent.test or _TEST}
    parts = {}
    for part, choices in (("train", train), ("test", test)):
        rng = np.random.default_rng(_SEEDS[part])
        each = rng.integers(fewest, most + 1, counts[part])
        members = rng.choice(choices, each.sum())
        digits = labels[members].astype(np.float64)
        variance = np.array([one.var() for one in np.split(digits, np.cumsum(each)[:-1])], np.float32)
        parts[part] = TaskSets.of(pool, variance[:, None], sizes=each, members=members, scale=scale)
    return TaskData(parts["train"], {"test": parts["test"]})


def held_out_images(labels: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of the images for training sets and test sets, digit by digit in the order of the PNG names.

    Raises:
        InputError: a digit with no more images than are held out.
    """
    train, test = [], []
    for digit in range(10):
        numbers = sorted(np.flatnonzero(labels == digit).tolist(), key=lambda number: f"{number}.png")
        if len(numbers) <= held_out:
            raise InputError(
                f"every digit needs more than the {held_out} images that are kept for test sets; "
                f"digit {digit} has {len(numbers)}. Fetch the files again: setwise data get mnist-var."
            )
        train += numbers[:-held_out]
        test += numbers[-held_out:]
    return np.array(train), np.array(test)


def read_images(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images ``(60000, 28, 28)`` of bytes and labels ``(60000,)``, from idx files or the tree of PNG files."""
    for suffix in (".gz", ""):  # the published files first
        files = [directory / f"{name}{suffix}" for name in (_IMAGES, _LABELS)]
        if all(file.is_file() for file in files):
            images, labels = read_idx(files[0]), read_idx(files[1])
            if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
                raise InputError(
                    f"{files[0]} and {files[1]} must hold as many images as labels; "
                    f"got arrays of shape {images.shape} and {labels.shape}."
                )
            return images, labels
    for tree in (directory / "mnist_png" / "training", directory / "training"):
        if tree.is_dir():
            return _read_tree(tree)
    raise InputError(
        f"{directory} must hold {_IMAGES}.gz and {_LABELS}.gz, or mnist_png/training/<digit>/<number>.png. "
        "Fetch them with: setwise data get mnist-var."
    )


def read_idx(path: Path) -> np.ndarray:
    """Read an array of bytes from an idx file, compressed or not.

    Raises:
        InputError: not such a file, or cut short.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} could not be read: {error}. {_AGAIN}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError(
            f"{path} must be an idx file of bytes; it begins with {content[:4].hex() or 'nothing'}. {_AGAIN}"
        )
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    if values.size != np.prod(shape, dtype=np.int64):
        raise InputError(f"{path} must hold {shape} bytes, as its head says; it holds {values.size}. {_AGAIN}")
    return values.reshape(shape).copy()


def _read_tree(tree: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images by their numbers, which their names are, so that both ways of reading give the same sets."""
    from setwise.tasks.pictures import read_picture

    found: dict[int, Path] = {}
    for path in tree.glob("*/*.png"):
        if not (path.stem.isdecimal() and path.parent.name in set("0123456789")):
            raise InputError(f"{path} must be named <digit>/<number>.png, as in mnist_png.")
        number = int(path.stem)
        if number in found:
            raise InputError(f"{path} and {found[number]} are two images of one number. Leave out the wrong one.")
        found[number] = path
    if sorted(found) != list(range(len(found))) or not found:
        raise InputError(f"{tree} must hold images numbered from 0 without gaps; it holds {len(found)} PNG files.")
    paths = [found[number] for number in range(len(found))]
    images = [read_picture(path, mode="L") for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != (_SIDE, _SIDE):
            raise InputError(
                f"{path} must be {_SIDE} x {_SIDE} pixels; it is {image.shape[1]} x {image.shape[0]}. {_AGAIN}"
            )
    return np.stack(images), np.array([int(path.parent.name) for path in paths], np.uint8)
