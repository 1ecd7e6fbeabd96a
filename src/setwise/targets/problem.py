"""What is to be learned from which sets: targets, parts of the split, weights."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from setwise._checks import InputError
from setwise.store import columns
from setwise.store.identical import check_not_split
from setwise.store.splits import Split, split_sets
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.choose import Kind, choose_kinds, target_values
from setwise.targets.heads import Classification, Head, Ordinal, Regression, is_known
from setwise.targets.objectives import Objective

ClassWeights = str | Mapping[str, float] | None


@dataclass(frozen=True)
class Problem:
    """What is to be learned from which sets.

    Attributes:
        store: the sets.
        values: ``(B, T)`` targets of all sets, or truth ``(N, T)`` of all elements.
        split: rows of the parts.
        objective: what is predicted.
        group: the column that keeps sets together, or none.
        weight_column: the column of the weights, or none.
        weights: ``(B,)`` of the sets in the loss, with mean one over the training sets, or none where all count alike.
        of: whether sets or elements are predicted.
    """

    store: SetStore
    values: np.ndarray
    split: Split
    objective: Objective
    group: str | None
    weight_column: str | None = None
    weights: np.ndarray | None = None
    of: Literal["sets", "elements"] = "sets"

    @property
    def fingerprint(self) -> str:
        """A checksum of the targets."""
        return digest(self.values)

    def ids(self, part: str) -> tuple[str, ...]:
        """Names of the sets of a part."""
        names = self.store.set_ids
        return tuple(names[row] for row in getattr(self.split, part))


def digest(values: np.ndarray) -> str:
    """A checksum of numbers or labels."""
    plain = values.dtype != object and values.ndim == 2  # truth of elements, of which there may be many
    content = np.ascontiguousarray(values).tobytes() if plain else repr(values.tolist()).encode()
    return hashlib.sha256(content).hexdigest()


def define(
    store: SetStore,
    targets: Sequence[str],
    *,
    task: str | Mapping[str, str] | None,
    orders: Mapping[str, Sequence[str]] | None,
    class_weights: ClassWeights,
    weight_column: str | None,
    group: str | None,
    split: Split | None,
    shares: tuple[float, float],
    standardise: bool,
    seed: int,
) -> Problem:
    """Take targets, split and weights from the columns of a store; arguments as for `setwise.train`.

    Raises:
        InputError: columns that cannot be used; a group on two sides of the split; a class that cannot be both learned
            and tested.
    """
    kinds = choose_kinds(store, targets, task)
    for name in orders or {}:
        if kinds.get(name) != "ordinal":
            raise InputError(f"an order must be of an ordinal target; {name!r} is none. Say --task {name}=ordinal.")
    values = target_values(store, kinds)
    for position, name in enumerate(kinds):
        known = [value for value in values[:, position] if is_known(value)]
        _check_order((orders or {}).get(name, ()), known, name)
        columns.check_varies(np.array(known) if kinds[name] == "regression" else known, name)
    classes = [[str(value) for value in values[:, i]] for i, kind in enumerate(kinds.values()) if kind != "regression"]
    stratify = np.array(classes).T if classes else None
    parts, group = split_of(store, split, group=group, shares=shares, stratify=stratify, seed=seed)
    weights = None if weight_column is None else set_weights(store, weight_column, parts.train)
    heads = [
        _head(name, kinds[name], values[parts.train, position], (orders or {}).get(name), standardise=standardise)
        for position, name in enumerate(kinds)
    ]
    counted = np.ones(len(parts.train)) if weights is None else weights[parts.train]
    if class_weights is not None:
        encoded = np.stack([head.truth(values[parts.train, i]) for i, head in enumerate(heads)], axis=1)
        heads = class_weights_of(heads, encoded, class_weights, counted)
    objective = Objective.of(*heads)
    _check_classes(objective, store, values, parts)
    return Problem(store, values, parts, objective, group, weight_column, weights)


def _head(
    name: str, kind: Kind, values: np.ndarray, order: Sequence[str] | None, *, standardise: bool
) -> Regression | Classification | Ordinal:
    if kind == "regression":
        return Regression.fit(name, values, standardise=standardise)
    return Classification.fit(name, values) if kind == "classification" else Ordinal.fit(name, values, order=order)


def _check_order(order: Sequence[str], known: Sequence[str], name: str) -> None:
    """Refuse a class in an order that no set has, in training or not: it is misspelt, and would take a share of all."""
    unknown = [repr(label) for label in order if label not in set(known)]
    if unknown:
        raise InputError(
            f"the order of target {name!r} must name classes that some set has; none has {listed(unknown)}. The sets "
            f"have {listed(sorted(map(repr, set(known))))}. Mend the order, or leave such classes out."
        )


def split_of(
    store: SetStore,
    given: Split | None,
    *,
    group: str | None,
    shares: tuple[float, float],
    stratify: np.ndarray | None,
    seed: int,
) -> tuple[Split, str | None]:
    """The parts: as a caller gives them, as a column says, or drawn; and the column that keeps sets together, or none.

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
    """The split that a caller gives, if its parts are disjoint and keep groups together."""
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
    """Weights of all sets ``(B,)``, with mean one over the training sets."""
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


def class_weights_of(
    heads: Sequence[Head],
    truth: np.ndarray,
    wanted: str | Mapping[str, float],
    counted: np.ndarray,
) -> list[Head]:
    """The heads with weights of their classes: given ones, or those that let all classes count alike.

    Args:
        heads: one for each target.
        truth: ``(B, T)`` of the training sets (or elements), numbers of classes.
        wanted: "balanced", or a weight for each class.
        counted: ``(B,)`` how much each set (or element) counts.
    """
    if isinstance(wanted, str) and wanted != "balanced":
        raise InputError(f"class weights must be 'balanced' or a weight for each class; got {wanted!r}.")
    weighed = []
    for position, head in enumerate(heads):
        if not isinstance(head, Classification | Ordinal):
            weighed.append(head)
            continue
        if isinstance(wanted, str):
            number = truth[:, position]
            known = ~np.isnan(number)
            counts = np.bincount(number[known].astype(np.int64), weights=counted[known], minlength=len(head.classes))
            weights = counts.sum() / (np.count_nonzero(counts) * np.where(counts > 0, counts, np.inf))
        else:
            unknown = [name for name in wanted if name not in head.classes]
            if unknown or not all(0 <= weight < np.inf for weight in wanted.values()):
                names = listed([repr(label) for label in head.classes])
                raise InputError(
                    f"class weights must be finite numbers of at least zero for the classes {names}; "
                    f"got {dict(wanted)}."
                )
            weights = np.array([wanted.get(str(label), 1.0) for label in head.classes])
        weighed.append(head.model_copy(update={"weights": tuple(weights.tolist())}))
    if not any(isinstance(head, Classification | Ordinal) for head in heads):
        raise InputError("class weights need a target of classes; there is none. Leave them out.")
    return weighed


def _check_classes(objective: Objective, store: SetStore, values: np.ndarray, split: Split) -> None:
    """Refuse a class that is on one side of the split alone: what is measured then is not what was learned."""
    if not len(split.test):
        return
    for position, head in enumerate(objective.heads):
        if not isinstance(head, Classification | Ordinal):
            continue
        labels = values[:, position]
        for label in sorted({value for value in labels if is_known(value)}):
            rows = [row for row, value in enumerate(labels) if value == label]
            if len(rows) == 1:
                raise InputError(
                    f"class {label!r} of target {head.target!r} has one set only, {store.set_ids[rows[0]]!r}, so it "
                    "cannot be both learned and tested. Add sets of it, join it with another class, leave the set out, "
                    "or fit without a test part (test=0, --test 0)."
                )
            if label not in head.classes:
                raise InputError(
                    f"class {label!r} of target {head.target!r} is in no training set, so it cannot be learned; its "
                    f"{len(rows)} sets are held out. Add sets of it, or another seed (--seed) or split."
                )
