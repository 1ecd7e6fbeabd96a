"""Sets of real handwritten digits and the variance of their labels: the paper's MNIST Var in small."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits

from setwise._checks import InputError, check_positive

SIZES = (6, 10)
PARTS = {"train": 0.72, "validation": 0.08, "test": 0.2}  # of the images of each digit


@dataclass(frozen=True)
class DigitSets:
    """Sets of images of digits, as the two tables that everything reads.

    Attributes:
        elements: the long table, one row per image: ``set_id`` and the brightness of 64 pixels, 0 to 16.
        sets: one row per set: ``set_id``, ``variance`` (target), ``split`` ("train", "validation" or "test").
        digits: one row per image, in the order of ``elements``: its number in scikit-learn's data and the digit
            that it shows. What the model must find out by itself; kept for tests and for the curious.
    """

    elements: pa.Table
    sets: pa.Table
    digits: pa.Table


def digit_sets(
    *, train: int, validation: int = 0, test: int, sizes: tuple[int, int] = SIZES, seed: int = 0
) -> DigitSets:
    """Draw sets of handwritten digits, whose target is the population variance of the digits.

    Of the 1,797 images of 8 x 8 pixels that come with scikit-learn, a fifth of each digit's serve the test sets alone,
    and another few the validation sets alone, so that no image is in two parts. Within its part, a set draws its size
    uniformly and its images uniformly without replacement; images come back in other sets.

    Args:
        train: training sets.
        validation: validation sets.
        test: test sets.
        sizes: fewest and most images of a set.
        seed: of the split of the images and of the draws.

    Raises:
        InputError: no sets, or sizes out of order or above the images at hand.

    Source: the task is MNIST Var of Zhang et al. 2022, arXiv 2206.11925, section 6; the images are those of
        Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, CC BY 4.0.

    Example:
        >>> digit_sets(train=3, test=2).sets.column_names
        ['set_id', 'variance', 'split']
    """
    check_positive(train=train, test=test)
    if validation < 0:
        raise InputError(f"validation must be a number of sets, at least zero; got {validation}.")
    fewest, most = sizes
    images, labels = map(np.asarray, load_digits(return_X_y=True))
    rng = np.random.default_rng(seed)
    pools = _parts(labels, rng)
    if not 1 <= fewest <= most <= min(map(len, pools.values())):
        raise InputError(
            f"sizes must be the fewest and the most images of a set, between 1 and "
            f"{min(map(len, pools.values()))}; got {sizes}."
        )
    names, splits, drawn = [], [], []
    for part, count in (("train", train), ("validation", validation), ("test", test)):
        for number in range(count):
            names.append(f"{part}-{number:05d}")
            splits.append(part)
            drawn.append(rng.choice(pools[part], rng.integers(fewest, most + 1), replace=False))
    return _tables(names, splits, drawn, images.astype(np.float32), labels)


def _parts(labels: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the numbers of the images of each part, each digit shared out alike."""
    pieces: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    shares = np.cumsum(list(PARTS.values()))[:-1]
    for digit in np.unique(labels):
        numbers = rng.permutation(np.flatnonzero(labels == digit))
        cut = np.split(numbers, np.rint(shares * len(numbers)).astype(int))
        for part, piece in zip(PARTS, cut, strict=True):
            pieces[part].append(piece)
    return {part: np.concatenate(several) for part, several in pieces.items()}


def _tables(
    names: Sequence[str],
    splits: Sequence[str],
    drawn: Sequence[np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
) -> DigitSets:
    numbers = np.concatenate(drawn)
    set_id = pa.array(np.repeat(names, [len(draw) for draw in drawn]).tolist(), pa.string())
    pixels = {f"pixel_{i // 8}_{i % 8}": images[numbers, i] for i in range(images.shape[1])}
    return DigitSets(
        elements=pa.table({"set_id": set_id} | pixels),
        sets=pa.table(
            {"set_id": list(names), "variance": [float(labels[draw].var()) for draw in drawn], "split": list(splits)}
        ),
        digits=pa.table({"set_id": set_id, "image": numbers, "digit": labels[numbers]}),
    )
