"""Divide sets into folds: drawn with a seed that is the number of the repeat, or as columns of the sets say.

A function of these returns one from sets and a repeat to folds, which no model has a say in.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from setwise.store.store import SetStore


class Fold(NamedTuple):
    """Rows of the sets that a model may learn from, and rows that it is measured on; ascending."""

    train: np.ndarray
    test: np.ndarray


Folds = Callable[[SetStore, int], list[Fold]]


def stratified_folds(count: int, target: str = "target") -> Folds:
    """Draw folds that have the classes of a target alike."""

    def folds(store: SetStore, repeat: int) -> list[Fold]:
        classes = column(store, target)
        splitter = StratifiedKFold(count, shuffle=True, random_state=repeat)
        return [Fold(train, test) for train, test in splitter.split(classes, classes)]

    return folds


def plain_folds(count: int) -> Folds:
    """Draw folds at random."""

    def folds(store: SetStore, repeat: int) -> list[Fold]:
        splitter = KFold(count, shuffle=True, random_state=repeat)
        return [Fold(train, test) for train, test in splitter.split(np.arange(len(store)))]

    return folds


def folds_of_groups(count: int, group: str, target: str = "target") -> Folds:
    """Draw folds of whole groups that have the classes alike, where all sets of a group have one class."""

    def folds(store: SetStore, repeat: int) -> list[Fold]:
        owners, classes = column(store, group), column(store, target)
        names, first = np.unique(owners, return_index=True)
        splitter = StratifiedKFold(count, shuffle=True, random_state=repeat)
        tested = (np.isin(owners, names[test]) for _, test in splitter.split(names, classes[first]))
        return [_divided(test) for test in tested]

    return folds


def leaving_one_out(name: str) -> Folds:
    """Test each value of a column once, by what is learned from all others."""

    def folds(store: SetStore, repeat: int) -> list[Fold]:  # noqa: ARG001 - one signature
        values = column(store, name)
        return [_divided(values == value) for value in np.unique(values)]

    return folds


def given_folds(pattern: str) -> Folds:
    """Take folds from a column that has the number of the fold in which each set is tested.

    Args:
        pattern: its name, with ``{}`` in place of the number of the repeat, which begins at 1.
    """

    def folds(store: SetStore, repeat: int) -> list[Fold]:
        return leaving_one_out(pattern.format(repeat + 1))(store, repeat)

    return folds


def given_split(pattern: str) -> Folds:
    """Take the sets that a column calls "test" as the one fold; ``pattern`` as for `given_folds`."""

    def folds(store: SetStore, repeat: int) -> list[Fold]:
        return [_divided(column(store, pattern.format(repeat + 1)) == "test")]

    return folds


def column(store: SetStore, name: str) -> np.ndarray:
    """Return a column of the sets as text ``(B,)``."""
    return np.array([str(value) for value in store.sets[name].to_pylist()])


def _divided(test: np.ndarray) -> Fold:
    return Fold(np.flatnonzero(~test), np.flatnonzero(test))
