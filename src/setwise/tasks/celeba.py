"""CelebA anomaly: find the face that shares neither of two attributes which nine others share."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise.tasks.files import ARCHIVE_ERRORS
from setwise.tasks.pictures import read_picture
from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent, RemoteFile, Source

_ZIP, _FOLDER = "img_align_celeba.zip", "img_align_celeba"
_ATTRIBUTES, _IDENTITIES = "list_attr_celeba.txt", "identity_CelebA.txt"
SOURCE = Source(
    text="Z. Liu, P. Luo, X. Wang, X. Tang, Deep Learning Face Attributes in the Wild, ICCV 2015",
    licence="non-commercial research only; the identities are handed out on request",
    page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    folder="celeba",
    files=(
        RemoteFile(_ZIP, None, "00d2c5bc6d35e252742224ab0c1e8fcb"),
        RemoteFile(_ATTRIBUTES, None, "75e246fa4810816ffd6ee81facbd244c"),
        RemoteFile(_IDENTITIES, None, "32bd1bd63d3c78cd57e08160ec5ed1e2"),
    ),
    instead=((f"{_FOLDER}/*.jpg", _ATTRIBUTES, _IDENTITIES),),
)
_SETS, _ELEMENTS, SIDE = 18_000, 10, 64
_SEEDS = {"people": 0, "train": 1, "test": 2}
_TRIES = 1_000  # pairs of attributes tried for a set


@dataclass(frozen=True)
class Lists:
    """The contents of CelebA's text lists.

    Attributes:
        names: names of the image files.
        attributes: ``(images, attributes)`` true where an image has an attribute.
        people: who is on each image.
    """

    names: tuple[str, ...]
    attributes: np.ndarray
    people: np.ndarray


def celeba_anomaly(directory: Path | None, extent: Extent) -> TaskData:
    """Make sets of ten photographs of 64 x 64 pixels, 0 to 255; target the place of the one that lacks two attributes.

    Two of the 40 attributes are drawn for each set, nine images that have both, and one that has neither. Half of the
    people serve the training sets alone, the other half the test sets alone; 18,000 sets of each.

    Args:
        directory: with the zip of aligned images (or its folder), the attribute list and the identity list.
        extent: how much.

    Raises:
        InputError: missing or damaged files, or too few images with shared attributes.
        InputError: Pillow is not installed.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 6.
    Differs from the paper: the authors' code draws its test sets from the people of the training sets.
    """
    assert directory is not None
    lists = read_lists(directory)
    size = extent.elements or _ELEMENTS
    people = np.random.default_rng(_SEEDS["people"]).permutation(np.unique(lists.people))
    halves = {"train": people[: len(people) // 2], "test": people[len(people) // 2 :]}
    read = _reader(directory)
    parts = {}
    for part, wanted in (("train", extent.train or _SETS), ("test", extent.test or _SETS)):
        own = np.flatnonzero(np.isin(lists.people, halves[part]))
        rng = np.random.default_rng(_SEEDS[part])
        drawn, places = zip(*(_draw(lists.attributes, own, size, rng) for _ in range(wanted)), strict=True)
        needed, members = np.unique(np.concatenate(drawn), return_inverse=True)
        pool = np.empty((len(needed), 3, SIDE, SIDE), np.uint8)
        for place, number in enumerate(needed):
            pool[place] = read(lists.names[number]).transpose(2, 0, 1)
        parts[part] = TaskSets.of(pool, np.array(places, np.int64), sizes=size, members=members)
    return TaskData(parts["train"], {"test": parts["test"]})


def read_lists(directory: Path) -> Lists:
    """Read the attribute list and the identity list, which must name the same images.

    Raises:
        InputError: a missing list, or a line that is not as CelebA has them.
    """
    lines = _lines(directory / _ATTRIBUTES)
    if len(lines) < 3 or not lines[0].strip().isdecimal():
        raise InputError(f"{directory / _ATTRIBUTES} must begin with the number of images and the attributes' names.")
    columns = lines[1].split()
    names, rows = [], []
    for number, line in enumerate(lines[2:], start=3):
        words = line.split()
        if len(words) != 1 + len(columns) or not set(words[1:]) <= {"1", "-1"}:
            raise InputError(
                f"{directory / _ATTRIBUTES}, line {number}, must be a file name and {len(columns)} values 1 or -1; "
                f"got {line[:60]!r}."
            )
        names.append(words[0])
        rows.append([value == "1" for value in words[1:]])
    if len(names) != int(lines[0]):
        raise InputError(
            f"{directory / _ATTRIBUTES} must name {int(lines[0])} images, as its first line says; "
            f"it names {len(names)}. Get it again."
        )
    people = {}
    for number, line in enumerate(_lines(directory / _IDENTITIES), start=1):
        words = line.split()
        if len(words) != 2 or not words[1].isdecimal():
            raise InputError(
                f"{directory / _IDENTITIES}, line {number}, must be a file name and a number; got {line[:60]!r}."
            )
        people[words[0]] = int(words[1])
    missing = [name for name in names if name not in people]
    if missing:
        raise InputError(
            f"{directory / _IDENTITIES} must name every image of {_ATTRIBUTES}; it lacks {len(missing)} of "
            f"{len(names)}, {missing[0]} among them."
        )
    return Lists(tuple(names), np.array(rows, bool), np.array([people[name] for name in names]))


def _draw(attributes: np.ndarray, own: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Draw the numbers of a set's images, and the place of the one that is unlike the others."""
    for _ in range(_TRIES):
        pair = rng.choice(attributes.shape[1], 2, replace=False)
        count = attributes[np.ix_(own, pair)].sum(1)
        both, neither = own[count == 2], own[count == 0]
        if len(both) >= size - 1 and len(neither):
            break
    else:
        raise InputError(
            f"sets of {size} need {size - 1} images that share two attributes and one with neither; "
            f"no pair of attributes gave that among {len(own)} images. Take smaller sets, or more images."
        )
    place = int(rng.integers(size))
    return np.insert(rng.choice(both, size - 1, replace=False), place, rng.choice(neither)), place


def _reader(directory: Path) -> Callable[[str], np.ndarray]:
    """Return a function that reads an image by its name: out of the zip, else from the folder of unpacked images."""
    folder = directory / _FOLDER
    if not (directory / _ZIP).is_file():
        if not folder.is_dir():
            raise InputError(_missing(directory / _ZIP))
        return lambda name: read_picture(folder / name, mode="RGB", size=(SIDE, SIDE))
    try:
        archive = zipfile.ZipFile(directory / _ZIP)
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{directory / _ZIP} is damaged: {error}. Get it again.") from error

    def read(name: str) -> np.ndarray:
        try:
            content = archive.read(f"{_FOLDER}/{name}")
        except KeyError as error:
            raise InputError(f"{directory / _ZIP} must hold {_FOLDER}/{name}; it does not. Get it again.") from error
        except ARCHIVE_ERRORS as error:
            raise InputError(f"{directory / _ZIP} is damaged at {_FOLDER}/{name}: {error}. Get it again.") from error
        return read_picture(content, mode="RGB", size=(SIDE, SIDE), name=f"{_ZIP}: {name}")

    return read


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(_missing(path))
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} must be text in UTF-8; byte {error.start} is not. Get it again.") from error


def _missing(path: Path) -> str:
    return (
        f"{path} is not there. Get CelebA's aligned images, attributes and identities from {SOURCE.page}, "
        "then: setwise data get celeba-anomaly --from DIRECTORY."
    )
