"""Draw folds of (repeated) cross-validation: every set is tested once in each repeat, groups stay whole.

scikit-learn's splitters draw the folds; a validation part is drawn of what is left to train on.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setwise._checks import InputError, check_positive
from setwise.store.shares import validation_share
from setwise.store.splits import Split, split_sets

_DRAWS = 200  # of folds, until classes of elements are spread over them


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        repeat: which repeat, from 0.
        number: which fold of it, from 0.
        split: rows of the parts; ``test`` is the fold.
        seed: of the fit, different for every fold.
    """

    repeat: int
    number: int
    split: Split
    seed: int


def plan_folds(
    num_sets: int,
    *,
    folds: int = 5,
    repeats: int = 1,
    groups: np.ndarray | None = None,
    classes: np.ndarray | None = None,
    holds: np.ndarray | None = None,
    validation: float | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Draw the folds of all repeats.

    There are never more folds than groups (sets, where there are no groups), nor than the rarest class has: then each
    fold tests one of its members, and no fold trains without the others. Where classes are of elements, folds are drawn
    until each trains on sets that hold them all.

    Args:
        num_sets: B.
        folds: of a repeat, at most.
        repeats: how often all sets are divided anew.
        groups: ``(B,)`` what must stay together, or none.
        classes: ``(B,)`` classes that each fold should have in equal shares, or none.
        holds: ``(B, C)`` which sets hold elements of which classes, or none.
        validation: share of the training sets that decides which epoch is kept, by default as many as their number asks
            for; none are taken where that would leave a class without training sets (dimensionless).
        seed: of everything drawn.

    Raises:
        InputError: fewer than two folds; a class of one set, or of one group alone; classes of elements that no draw
            could spread.

    Example:
        >>> [fold.split.test.tolist() for fold in plan_folds(6, folds=3, seed=1)]
        [[3, 5], [1, 2], [0, 4]]
    """
    check_positive(folds=folds, repeats=repeats)
    possible = _possible(num_sets, folds, groups, classes)
    drawn = []
    for repeat in range(repeats):
        for number, (rest, test) in enumerate(_spread(num_sets, possible, groups, classes, holds, (seed, repeat))):
            fit_seed = int(np.random.SeedSequence((seed, repeat, number)).generate_state(1)[0])
            split = _with_validation(rest, np.sort(test), groups, classes, validation, fit_seed)
            if holds is not None and not _trains_on_all(holds, split.train):
                split = Split(np.sort(rest), np.zeros(0, np.int64), split.test)
            drawn.append(Fold(repeat, number, split, fit_seed))
    return drawn


def parts_of(
    num_sets: int, parts: int, *, groups: np.ndarray | None, classes: np.ndarray | None, seed: int
) -> list[np.ndarray]:
    """Divide all sets into parts that keep groups whole and have classes in about equal shares; fewer of few groups.

    Nothing where the sets without one of the parts would lack a class, or cannot be divided.

    Args:
        num_sets: B.
        parts: at most.
        groups: ``(B,)`` what must stay together, or none.
        classes: ``(B,)``, or none.
        seed: of the draw.
    """
    most = min(parts, num_sets if groups is None else len(np.unique(groups.astype(str))))
    if classes is not None:
        most = min(most, int(np.unique(classes, return_counts=True)[1].max()))
    if most < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer sets than there are parts
        divided = _divide(num_sets, most, groups, classes, seed)
    if any(len(rest) == 0 or (classes is not None and set(classes[rest]) != set(classes)) for rest, _ in divided):
        return []
    return [np.sort(part) for _, part in divided]


def _possible(num_sets: int, folds: int, groups: np.ndarray | None, classes: np.ndarray | None) -> int:
    """Return how many folds there can be; refuse fewer than two."""
    if folds < 2:
        raise InputError(f"cross-validation needs two folds at least; got {folds}.")
    units = np.arange(num_sets).astype(str) if groups is None else np.asarray(groups).astype(str)
    most, what = len(np.unique(units)), "sets" if groups is None else "groups"
    if most < 2:
        raise InputError(f"cross-validation needs two {what} at least; got {most}. Give more sets.")
    for label in [] if classes is None else np.unique(classes):
        own = len(np.unique(units[classes == label]))
        if own < 2:
            raise InputError(
                f"every class must have two {what} at least, one to learn from and one to test; {str(label)!r} has "
                f"{own}. Leave its sets out, join it with another class, or give more sets."
            )
        most = min(most, own)
    return min(folds, most)


def _spread(
    num_sets: int,
    folds: int,
    groups: np.ndarray | None,
    classes: np.ndarray | None,
    holds: np.ndarray | None,
    seed: tuple[int, int],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw rows to train on and to test, of each fold, such that each trains on every class of elements."""
    alone = 0 if holds is None else int((holds.sum(0) == 1).sum())
    if holds is not None and alone:
        raise InputError(
            f"every class of elements must be in two of the {num_sets} sets that are divided at least, one to learn "
            f"from and one to test; {alone} of {holds.shape[1]} classes are in one alone. Join rare classes with "
            "others, leave their labels empty, or give more sets."
        )
    for attempt in range(_DRAWS):
        entropy = seed if attempt == 0 else (*seed, 0, 0, 0, attempt)
        divided = _divide(num_sets, folds, groups, classes, int(np.random.SeedSequence(entropy).generate_state(1)[0]))
        if holds is None or all(_trains_on_all(holds, train) for train, _ in divided):
            return divided
    assert holds is not None, "every draw will do"
    raise InputError(
        f"every fold must train on elements of every class; in {_DRAWS} draws of {folds} folds some class was in "
        f"one fold alone (the rarest is in {int(holds.sum(0).min())} of {num_sets} sets). Take more folds, join rare "
        "classes with others, or leave their labels empty."
    )


def _trains_on_all(holds: np.ndarray, rows: np.ndarray) -> bool:
    return bool(holds[rows].any(0).all())


def _divide(
    num_sets: int, folds: int, groups: np.ndarray | None, classes: np.ndarray | None, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide into rows to train on and to test, of each fold."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    rows = np.zeros((num_sets, 1))
    if classes is None:
        if groups is None:
            return list(KFold(folds, shuffle=True, random_state=seed).split(rows))
        return list(GroupKFold(folds, shuffle=True, random_state=seed).split(rows, groups=groups))
    if groups is None:
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, classes))
    divided = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(rows, classes, groups))
    whole = all(len(test) and set(classes[train]) == set(classes) for train, test in divided)
    if not whole:  # its greedy choice can leave a fold empty, or a class untrained, where groups are few
        divided = list(GroupKFold(folds, shuffle=True, random_state=seed).split(rows, groups=groups))
    return divided


def _with_validation(
    rest: np.ndarray,
    test: np.ndarray,
    groups: np.ndarray | None,
    classes: np.ndarray | None,
    share: float | None,
    seed: int,
) -> Split:
    """Make the split of a fold, with a validation part where the training sets can spare one."""
    nothing, rest = np.zeros(0, np.int64), np.sort(rest)
    own_groups = None if groups is None else groups[rest]
    units = len(rest) if own_groups is None else len(np.unique(own_groups))
    share = validation_share(share, len(rest))
    if share == 0 or units < 2:
        return Split(rest, nothing, test)
    own_classes = None if classes is None else classes[rest]
    drawn = split_sets(len(rest), groups=own_groups, stratify=own_classes, validation=share, test=0.0, seed=seed)
    if own_classes is not None and set(own_classes[drawn.train]) != set(own_classes):
        return Split(rest, nothing, test)
    return Split(rest[drawn.train], rest[drawn.validation], test)


def shuffled(values: np.ndarray, groups: np.ndarray | None, *, seed: int) -> np.ndarray:
    """Shuffle targets ``(B,)`` or ``(B, T)``, as if sets and targets had nothing to do with each other.

    Without groups all are exchanged. With groups whose sets differ they are exchanged within each group (the samples
    of a patient); where each group has one target, that of the patient, between groups.

    Args:
        values: of the targets; rows of several stay together.
        groups: ``(B,)``, or none.
        seed: of the permutation.
    """
    generator = np.random.default_rng(seed)
    if groups is None:
        return values[generator.permutation(len(values))]
    _, number = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    members = [np.flatnonzero(number == k) for k in range(number.max() + 1)]
    result = values.copy()
    if group_has_one_target(values, groups):
        for rows, other in zip(members, generator.permutation(len(members)), strict=True):
            result[rows] = values[members[other][0]]
        return result
    for rows in members:
        result[rows] = values[generator.permutation(rows)]
    return result


def group_has_one_target(values: np.ndarray, groups: np.ndarray) -> bool:
    """Return whether all sets of each group have the same targets."""
    names, groups = np.asarray(values).astype(str).reshape(len(values), -1), np.asarray(groups).astype(str)
    return all(len(np.unique(names[groups == group], axis=0)) == 1 for group in np.unique(groups))


def count_permutations(classes: Sequence[object] | np.ndarray, groups: np.ndarray | None) -> int:
    """Count the different permutations of labels that `shuffled` draws from; an exact whole number."""
    labels = np.asarray(classes).astype(str)
    if groups is None:
        return _multinomial(labels)
    groups = np.asarray(groups).astype(str)
    if group_has_one_target(labels, groups):
        return _multinomial(np.array([labels[groups == group][0] for group in np.unique(groups)]))
    ways = 1
    for group in np.unique(groups):
        ways *= _multinomial(labels[groups == group])
    return ways


def _multinomial(labels: np.ndarray) -> int:
    ways, left = 1, len(labels)
    for count in np.unique(labels, return_counts=True)[1].tolist():
        ways *= math.comb(left, count)
        left -= count
    return ways
