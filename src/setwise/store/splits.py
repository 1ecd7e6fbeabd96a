"""Divide sets into those that train, those that stop the training, and those that tell how good the model is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from setwise._checks import InputError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Rows of the store (ascending int64) in each part; the parts do not overlap and may be empty but for ``train``."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def to_dict(self) -> dict[str, list[int]]:
        """Return the rows as plain lists."""
        return {part: getattr(self, part).tolist() for part in PARTS}

    @classmethod
    def from_dict(cls, rows: dict[str, Any]) -> "Split":
        """Make a split from what `to_dict` gave."""
        return cls(**{part: np.asarray(rows[part], np.int64) for part in PARTS})


def split_sets(
    num_sets: int,
    *,
    groups: ArrayLike | None = None,
    given: ArrayLike | None = None,
    stratify: ArrayLike | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
) -> Split:
    """Divide sets at random into parts for training, validation and test; a group is never on two sides.

    Groups, largest first and else in random order, go one by one to the part that lacks their classes most, so
    parts have the wanted sizes and the shares of the classes as nearly as the groups allow.

    Args:
        num_sets: how many sets there are.
        groups: ``(B,)`` what must stay together (the patient), or none.
        given: ``(B,)`` of "train", "validation", "test": parts that are fixed. Where it names no validation or no
            test set, that part is drawn from the training sets.
        stratify: ``(B,)`` classes that each part should have in equal shares, or ``(B, T)`` those of several targets;
            or none.
        validation: share of the sets that stop the training; 0 for none (dimensionless).
        test: share of the sets kept for the test; 0 for none (dimensionless).
        seed: of the random order.

    Raises:
        InputError: too few sets or groups for the parts, a group on both sides of a given split, other words in
            ``given``, or shares that leave nothing to train on.

    Example:
        >>> split = split_sets(8)
        >>> len(split.train), len(split.validation), len(split.test)
        (5, 1, 2)
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise InputError(
            f"validation and test must be shares from 0 that add up to less than 1; got {validation} and {test}."
        )
    group_codes = _codes(groups, num_sets, "groups")
    classes = [None] if stratify is None else np.asarray(stratify).reshape(num_sets, -1).T
    class_codes = np.stack(
        [_codes(column, num_sets, "stratify", default=np.zeros(num_sets, np.int64)) for column in classes]
    )
    part_of = np.zeros(num_sets, np.int64)
    shares = {1: validation, 2: test}
    if given is not None:
        part_of = _given_parts(given, num_sets)
        _check_groups(part_of, group_codes, groups)
        for part in (1, 2):
            if (part_of == part).any():
                shares[part] = 0.0
        if not (part_of == 0).any():
            raise InputError("the given split names no training set. Mark some sets as 'train'.")
    rows = np.flatnonzero(part_of == 0)
    part_of[rows] = _draw(group_codes[rows], class_codes[:, rows], shares, np.random.default_rng(seed))
    return Split(*(np.flatnonzero(part_of == part) for part in range(3)))


def _draw(
    groups: np.ndarray, classes: np.ndarray, shares: dict[int, float], generator: np.random.Generator
) -> np.ndarray:
    """Draw the part of each set ``(n,)``: 0, 1 or 2; classes are ``(T, n)``."""
    wanted = np.array([1 - sum(shares.values()), shares[1], shares[2]])
    _, groups = np.unique(groups, return_inverse=True)
    counts = np.concatenate([_counts(groups, own) for own in classes], axis=1)  # (groups, classes of all targets)
    sizes = counts.sum(1)
    parts = int((wanted > 0).sum())
    if len(counts) < parts:
        raise InputError(
            f"{parts} parts need at least {parts} sets (groups, where groups are given); got {len(counts)}. "
            "Give more sets, or set validation or test to 0."
        )
    order = generator.permutation(len(counts))
    order = order[np.argsort(-sizes[order], kind="stable")]
    lacking = np.outer(wanted, counts.sum(0))  # (parts, classes)
    part_of = np.zeros(len(counts), np.int64)
    for group in order:
        need = lacking @ counts[group] + lacking.sum(1) * sizes[group] / counts.shape[1] ** 0.5
        part = int(np.where(wanted > 0, need, -np.inf).argmax())
        part_of[group] = part
        lacking[part] -= counts[group]
    for part in np.flatnonzero(wanted > 0):
        if not (part_of == part).any():  # take the smallest group from the part with most of them
            donor = np.bincount(part_of, minlength=3).argmax()
            members = order[part_of[order] == donor]
            part_of[members[-1]] = part
    return part_of[groups]


def _counts(groups: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Count the sets of each class in each group, ``(groups, classes)``."""
    _, classes = np.unique(classes, return_inverse=True)
    counts = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(counts, (groups, classes), 1)
    return counts


def _codes(values: ArrayLike | None, num_sets: int, name: str, default: np.ndarray | None = None) -> np.ndarray:
    if values is None:
        return np.arange(num_sets) if default is None else default
    array = np.asarray(values)
    if array.shape != (num_sets,):
        raise InputError(f"{name} must have one value for each of the {num_sets} sets; got shape {array.shape}.")
    missing = [row for row, value in enumerate(array.tolist()) if value is None or value != value]
    if missing:
        raise InputError(f"{name} must have a value for every set; that of set {missing[0]} is missing.")
    return np.unique(array.astype(str), return_inverse=True)[1]


def _given_parts(given: ArrayLike, num_sets: int) -> np.ndarray:
    values: Sequence[Any] = np.asarray(given, dtype=object).tolist()
    if len(values) != num_sets:
        raise InputError(f"the given split must have one word for each of the {num_sets} sets; got {len(values)}.")
    for row, value in enumerate(values):
        if value not in PARTS:
            raise InputError(f"the given split must say train, validation or test; set {row} has {value!r}.")
    return np.array([PARTS.index(value) for value in values], np.int64)


def _check_groups(part_of: np.ndarray, codes: np.ndarray, groups: ArrayLike | None) -> None:
    if groups is None:
        return
    pairs = np.unique(np.stack([codes, part_of]), axis=1)
    split = pairs[0, 1:][pairs[0, 1:] == pairs[0, :-1]]
    if split.size:
        code = split[0]
        name = np.asarray(groups)[np.flatnonzero(codes == code)[0]]
        sides = " and ".join(PARTS[part] for part in pairs[1, pairs[0] == code])
        raise InputError(
            f"a group must not be on two sides of the given split; group {str(name)!r} is in {sides}. "
            "Move its sets to one part."
        )
