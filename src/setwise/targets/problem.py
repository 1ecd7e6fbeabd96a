"""Define a problem: the targets of sets or of elements, the parts of the split, the weights."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from setwise._checks import InputError
from setwise.store import columns
from setwise.store.identical import check_not_split
from setwise.store.splits import Split, split_sets
from setwise.store.store import SetStore
from setwise.targets.choose import Kinds, choose_kinds, events_of, transforms_of
from setwise.targets.objectives import Objective
from setwise.targets.target import Choices, Of, Target
from setwise.targets.truth import target_values
from setwise.targets.values import is_known

ClassWeights = str | Mapping[str, float] | None


@dataclass(frozen=True)
class Problem:
    """Say what is to be learned from which sets.

    Attributes:
        store: the sets.
        values: ``(B, T)`` targets of all sets, or truth ``(N, T)`` of all elements.
        split: rows of the parts.
        objective: what is predicted.
        group: the column that keeps sets together, or none.
        weight_column: the column of the weights, or none.
        weights: ``(B,)`` of the sets in the loss, with mean one over the training sets, or none where all count alike.
    """

    store: SetStore
    values: np.ndarray
    split: Split
    objective: Objective
    group: str | None
    weight_column: str | None = None
    weights: np.ndarray | None = None

    @property
    def of(self) -> Of:
        """Return whether sets or elements are predicted."""
        return self.objective.of

    def truth(self, rows: np.ndarray) -> np.ndarray:
        """Return the truth ``(b, T)`` of some sets, or of all their elements; NaN where missing."""
        if self.of == "sets":
            return self.objective.truth(self.values[rows])
        return self.values[self.store.positions(rows)]

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the targets."""
        return fingerprint_of(self.values)

    def ids(self, part: str) -> tuple[str, ...]:
        """Return the names of the sets of a part."""
        names = self.store.set_ids
        return tuple(names[row] for row in getattr(self.split, part))


def fingerprint_of(values: np.ndarray) -> str:
    """Return the fingerprint of numbers or labels."""
    plain = values.dtype != object and values.ndim == 2  # truth of elements, of which there may be many
    content = np.ascontiguousarray(values).tobytes() if plain else repr(values.tolist()).encode()
    return hashlib.sha256(content).hexdigest()


def define(
    store: SetStore,
    targets: Sequence[str],
    *,
    of: Of = "sets",
    task: str | Mapping[str, str] | None,
    orders: Mapping[str, Sequence[str]] | None = None,
    event: str | Mapping[str, str] | None = None,
    transform: str | Mapping[str, str] | None = None,
    class_weights: ClassWeights,
    weight_column: str | None,
    group: str | None,
    split: Split | None,
    shares: tuple[float, float],
    standardise: bool,
    seed: int,
) -> Problem:
    """Take targets, split and weights from the columns of a store, or from labels of its elements.

    Arguments as for `setwise.train`.

    Raises:
        InputError: columns or labels that cannot be used; a group on two sides of the split; a class that cannot be
            both learned and tested.
    """
    events, transforms = events_of(targets, task, event), transforms_of(targets, transform)
    kinds = choose_kinds(store, targets, task, of=of, events=events, transforms=transforms)
    values = _values(store, kinds, orders or {}, events, transforms) if of == "sets" else None
    stratify = None if values is None else _strata(kinds, values)
    parts, group = split_of(store, split, group=group, shares=shares, stratify=stratify, seed=seed)
    weights = None if weight_column is None else set_weights(store, weight_column, parts.train)
    counted = np.ones(len(parts.train)) if weights is None else weights[parts.train]
    choices = {
        name: Choices(standardise, (orders or {}).get(name), events.get(name), transforms.get(name)) for name in kinds
    }
    if values is not None:
        learned = [
            kind.of_sets(name, values[parts.train, i], choices[name]) for i, (name, kind) in enumerate(kinds.items())
        ]
        encoded = [target.truth(values[parts.train, i]) for i, target in enumerate(learned)]
    else:
        train = store.positions(parts.train)
        pairs = [kind.of_elements(store, name, train, parts, choices[name]) for name, kind in kinds.items()]
        learned, values = [target for target, _ in pairs], np.stack([truth for _, truth in pairs], axis=1)
        encoded = list(values[train].T)
        counted = np.repeat(counted, store.sizes[parts.train])
    if class_weights is not None:
        learned = _weighed(learned, encoded, class_weights, counted)
    objective = Objective.join(*learned, of=of)
    if of == "sets" and len(parts.test):
        for i, target in enumerate(objective.targets):
            target.check_parts(store, values[:, i], parts)
    return Problem(store, values, parts, objective, group, weight_column, weights)


def _values(
    store: SetStore,
    kinds: Kinds,
    orders: Mapping[str, Sequence[str]],
    events: Mapping[str, str],
    transforms: Mapping[str, str],
) -> np.ndarray:
    """Return the values ``(B, T)`` of all sets, from which something can be learned."""
    for name, order in orders.items():
        kinds.get(name, Target).check_order(name, order, order)
    values = target_values(store, kinds, events=events, transforms=transforms)
    for position, (name, kind) in enumerate(kinds.items()):
        known = [value for value in values[:, position] if is_known(value)]
        if name in orders:
            kind.check_order(name, orders[name], known)
        kind.check_values(name, known)
    return values


def _strata(kinds: Kinds, values: np.ndarray) -> np.ndarray | None:
    """Return text ``(B, n)`` of which every part of a split must have its share, or none."""
    found = [kind.strata(values[:, i]) for i, kind in enumerate(kinds.values())]
    strata = [own for own in found if own is not None]
    return np.stack(strata, axis=1) if strata else None


def split_of(
    store: SetStore,
    given: Split | None,
    *,
    group: str | None,
    shares: tuple[float, float],
    stratify: np.ndarray | None,
    seed: int,
) -> tuple[Split, str | None]:
    """Return the parts, as a caller gives them, as a column says, or drawn; and the column that keeps sets together.

    Args:
        store: the sets.
        given: by the caller, or none.
        group: the column that a caller names, or none to take ``group`` where it is there.
        shares: of the validation and the test part where they are drawn.
        stratify: ``(B, T)`` classes of which each drawn part has its share, or none.
        seed: of the draw.

    Raises:
        InputError: a group, or the same set under two names, on two sides of the split.
    """
    groups = columns.groups(store, group)
    if given is not None:
        parts = _checked(given, groups)
    else:
        parts = split_sets(
            len(store),
            groups=groups,
            given=columns.given_split(store),
            stratify=stratify,
            validation=shares[0],
            test=shares[1],
            seed=seed,
        )
    group = "group" if group is None and groups is not None else group
    check_not_split(store, parts)
    return parts, group


def _checked(split: Split, groups: np.ndarray | None) -> Split:
    """Return the split that a caller gives, if its parts are disjoint and keep groups together."""
    rows = np.concatenate([split.train, split.validation, split.test])
    if len(np.unique(rows)) < len(rows):
        raise InputError(
            f"parts of a split must not overlap; row {_twice(rows)} is in two, or twice in one. Give each set once."
        )
    if groups is not None:
        given = np.full(len(groups), "", dtype=object)
        for part in ("train", "validation", "test"):
            given[getattr(split, part)] = part
        used = np.flatnonzero(given != "")
        split_sets(len(used), groups=groups[used], given=given[used], validation=0.0, test=0.0)
    return split


def _twice(rows: np.ndarray) -> int:
    found, counts = np.unique(rows, return_counts=True)
    return int(found[counts.argmax()])


def set_weights(store: SetStore, name: str, rows: np.ndarray) -> np.ndarray:
    """Return weights of all sets ``(B,)``, with mean one over the training sets."""
    weights = columns.numbers(store, [name])[:, 0]
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise InputError(
            f"weights must be at least zero; {name!r} of set {store.set_ids[row]!r} is {weights[row]:g}. "
            "Give zero to sets that count for nothing."
        )
    if not weights[rows].any():
        raise InputError(f"weights must be above zero for some training sets; {name!r} is zero for all of them.")
    return weights / weights[rows].mean()


def _weighed(
    targets: Sequence[Target],
    truth: Sequence[np.ndarray],
    wanted: str | Mapping[str, float],
    counted: np.ndarray,
) -> list[Target]:
    """Return the targets with weights of their classes: given ones, or those that let all classes count alike.

    Args:
        targets: one or several.
        truth: of each ``(B,)``, numbers of classes of the training sets (or elements).
        wanted: "balanced", or a weight for each class.
        counted: ``(B,)`` how much each set (or element) counts.
    """
    if isinstance(wanted, str) and wanted != "balanced":
        raise InputError(f"class weights must be 'balanced' or a weight for each class; got {wanted!r}.")
    weighed = [target.weighed(wanted, own, counted) for target, own in zip(targets, truth, strict=True)]
    if not any(target.labels for target in targets):
        raise InputError("class weights need a target of classes; there is none. Leave them out.")
    return weighed
