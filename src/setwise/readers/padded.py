"""Take elements out of the arrays of a file: one set after the other with sizes, or padded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from setwise._checks import InputError, counted
from setwise.readers.padding import padding_of
from setwise.readers.request import ReadRequest
from setwise.store.tables import listed

ELEMENTS = ("x", "X", "particle_features")
_SIZES = ("n", "sizes", "lengths", "num_particles", "n_particles")
_NUMBERS = "fiub"


@dataclass(frozen=True)
class Elements:
    """The elements of all sets of a file.

    Attributes:
        x: ``(N, ...)`` one set after the other.
        sizes: ``(B,)``; 0 of sets that are nothing but padding.
        padding: the number of which padding consisted that nothing but itself told, or none.
        notes: what people should know of how they were found.
        left_out: the last feature, where it said what is padding, by its place.
    """

    x: np.ndarray
    sizes: np.ndarray
    padding: str | None = None
    notes: tuple[str, ...] = ()
    left_out: Mapping[int, str] = field(default_factory=dict)


def take_elements(arrays: dict[str, np.ndarray], path: Path, request: ReadRequest) -> Elements:
    """Take the elements and what says how many there are out of the arrays.

    They are ``x`` or ``X``, ``particle_features``, or the only array of three axes. With sizes ``n`` that add up to its
    rows, it has one set after the other; else it is padded, and sizes, a mask (an array or the last feature), or rows
    of one number at the ends say what is real.

    Raises:
        InputError: no such array, or sizes or a mask that do not fit.
    """
    name = _name_of_elements(arrays)
    of_sizes = next((own for own in _SIZES if own in arrays and arrays[own].ndim == 1), None)
    if name is None or (of_sizes is None and arrays[name].ndim < 3):
        missing = "X (sets, elements, features), a padded array, " if name is None else ""
        raise InputError(
            f"{path} must hold x, the elements of all sets one after the other, and n, the size of each set, or "
            f"{missing or 'a padded array X of three axes'}; it holds {listed(list(arrays))}."
        )
    x = arrays.pop(name)
    if x.dtype.kind not in _NUMBERS or x.ndim < 1 or 0 in x.shape:
        raise InputError(f"{path}: {name} must be numbers of shape (elements, features); got {x.dtype} of {x.shape}.")
    sizes = None if of_sizes is None else _whole(arrays[of_sizes], of_sizes, path)
    if sizes is not None and not (len(sizes) == len(x) and x.ndim > 1 and sizes.sum() != len(x)):
        if sizes.min() < (0 if request.reading.drop_empty else 1) or sizes.sum() != len(x):
            raise InputError(
                f"{path}: {of_sizes} must be above zero and add up to the {len(x)} rows of {name}; it adds up to "
                f"{sizes.sum()}, and the smallest is {sizes.min()}."
            )
        arrays.pop(of_sizes or "")
        return Elements(x, sizes)
    if sizes is not None:
        if sizes.min() < 0 or sizes.max() > x.shape[1]:
            raise InputError(
                f"{path}: {of_sizes} must lie between 0 and {x.shape[1]}, the length of the padded sets of {name}; it "
                f"lies between {sizes.min()} and {sizes.max()}."
            )
        arrays.pop(of_sizes or "")
        return _real(x, np.arange(x.shape[1]) < sizes[:, None])
    return _of_mask(arrays, x, path) or _of_mask_feature(x, request) or _of_padding(x, name, request)


def _name_of_elements(arrays: Mapping[str, np.ndarray]) -> str | None:
    named = [name for name in ELEMENTS if name in arrays]
    deep = [name for name, x in arrays.items() if x.ndim == 3 and x.dtype.kind in _NUMBERS and "mask" not in name]
    return (named or (deep if len(deep) == 1 else []) or [None])[0]


def _whole(sizes: np.ndarray, name: str, path: Path) -> np.ndarray:
    if sizes.dtype.kind not in "iu" or not len(sizes):
        raise InputError(
            f"{path}: {name} must be whole numbers, one per set; got {sizes.dtype} of shape {sizes.shape}."
        )
    return sizes.astype(np.int64)


def _real(x: np.ndarray, real: np.ndarray, **more: object) -> Elements:
    """Return the real elements of a padded array; ``real`` ``(B, S)`` marks them."""
    return Elements(x[real], real.sum(1), **more)  # pyright: ignore[reportArgumentType] fields by their names


def _of_mask(arrays: dict[str, np.ndarray], x: np.ndarray, path: Path) -> Elements | None:
    """Return the elements that an array of the file calls real; none where there is no mask."""
    shapes = (x.shape[:2], (*x.shape[:2], 1))
    name = next((own for own, mask in arrays.items() if "mask" in own.lower() and mask.shape in shapes), None)
    if name is None:
        return None
    mask = arrays.pop(name).reshape(x.shape[:2])
    if mask.dtype.kind not in _NUMBERS or not np.isin(mask, (0, 1)).all():
        raise InputError(f"{path}: {name} must be 1 (true) where an element is real, else 0; got {mask.dtype}.")
    real = mask.astype(bool)
    blank = _blank(x)
    if blank.any() and (blank == real).all():
        raise InputError(f"{path}: {name} is true where all features are 0, and must be true where an element is real.")
    return _real(x, real)


def _blank(x: np.ndarray) -> np.ndarray:
    """Mark the elements ``(B, S)`` of a padded array that are nothing but zeros, or nothing but NaN."""
    flat = x.reshape(*x.shape[:2], -1)
    return (flat == 0).all(-1) | (flat != flat).all(-1)


def _of_mask_feature(x: np.ndarray, request: ReadRequest) -> Elements | None:
    """Return the elements that their last feature calls real: 1, and 0 where all others are 0, too."""
    if x.ndim != 3 or x.shape[2] < 2 or request.reading.padding == "keep":
        return None
    last = x[:, :, -1]
    if not np.isin(last, (0, 1)).all() or (last == 1).all() or not (_blank(x) == (last == 0)).all():
        return None
    gone = counted(int((last == 0).sum()), "element")
    note = f"the last feature is 1 where an element is real: the other {gone} are padding, and are left out."
    found = _real(x[:, :, :-1] if request.features is None else x, last == 1, notes=(note,))
    told = {} if request.features is not None else {x.shape[2] - 1: "it said which elements are padding"}
    return Elements(found.x, found.sizes, None, found.notes, told)


def _of_padding(x: np.ndarray, name: str, request: ReadRequest) -> Elements:
    """Return the elements of a padded array before the rows of one number that sets end in."""
    keep = request.reading.padding == "keep" or x.ndim > 3
    found = None if keep else padding_of(list(x), sure=request.drops_padding)
    if found is None:
        return Elements(x.reshape(-1, *x.shape[2:]), np.full(len(x), x.shape[1], np.int64))
    note = (
        f"{name} has the shape {x.shape}: {found.rows:,} rows of {found.value:g} at the ends of "
        f"{counted(found.sets, 'set')} are padding, and are left out (--padding keep takes them)."
    )
    real = np.arange(x.shape[1]) < found.sizes[:, None]
    return _real(x, real, padding=f"{found.value:g}", notes=(note,))
