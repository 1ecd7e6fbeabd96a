"""Plan the fits of a cross-validation: of the folds and repeats, and of permuted targets.

Folds are of whole sets, whether their own targets are predicted or labels of their elements.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.assess.drawn_elements import kept_elements
from setwise.fit.study import Study
from setwise.store import columns
from setwise.store.folds import Fold, count_permutations, plan_folds, shuffled
from setwise.store.labels import label_codes, labels_of, sets_with
from setwise.store.store import SetStore
from setwise.targets.choose import Kinds, choose_kinds, events_of
from setwise.targets.truth import target_values
from setwise.validate.fold_runs import FoldFit
from setwise.validate.resampling import Resampling


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """A plan of the fits of a cross-validation.

    Attributes:
        fits: the fits; those of the targets as they are come first.
        as_they_are: how many of them are of the targets as they are.
        folds: of a repeat.
        groups: ``(B,)`` of the sets, or none.
        values: ``(B, T)`` targets of the sets, or none where labels of elements are predicted.
        places: of these, which elements of the store are measured, or none.
        sizes: of these, ``(B,)`` how many of each set, or none.
        possible: different permutations of the targets; none of numbers, and of labels of elements.
    """

    fits: list[FoldFit]
    as_they_are: int
    folds: int
    groups: np.ndarray | None
    values: np.ndarray | None = None
    places: np.ndarray | None = None
    sizes: np.ndarray | None = None
    possible: int | None = None


def plan_of_sets(store: SetStore, study: Study, how: Resampling) -> FoldPlan:
    """Plan the fits of targets of sets, with the classes of a single target spread over the folds.

    Raises:
        InputError: targets or groups that cannot be used, or divided so.
    """
    events = events_of(study.targets, study.task, study.event)
    kinds = choose_kinds(store, study.targets, study.task, events=events)
    values = target_values(store, kinds, events=events)
    groups = columns.groups(store, study.group)
    (alone, *others) = kinds.values()

    def folds_of(targets: np.ndarray, repeats: int) -> list[Fold]:
        return plan_folds(
            len(store),
            folds=how.folds,
            repeats=repeats,
            groups=groups,
            classes=None if others else alone.strata(targets[:, 0]),
            validation=study.asked_validation,
            seed=study.config.seed,
        )

    plan = folds_of(values, how.repeats)
    needed = columns_of(store, study)
    fits = [FoldFit(fold, 0, needed, how.baselines) for fold in plan]
    for permutation in range(1, how.permutations + 1):
        dealt = shuffled(values, groups, seed=_seed(study, permutation))
        table = needed
        for position, (name, kind) in enumerate(kinds.items()):
            for column, cells in kind.value_columns(name, dealt[:, position], events.get(name)).items():
                table = table.set_column(table.column_names.index(column), column, cells)
        fits += [FoldFit(fold, permutation, table, baselines=False) for fold in folds_of(dealt, 1)]
    labels = values[:, 0].astype(str) if alone.discrete and not others else None
    possible = None if labels is None else count_permutations(labels, groups)
    return FoldPlan(fits, len(plan), _count(plan), groups, values=values, possible=possible)


def plan_of_elements(store: SetStore, study: Study, how: Resampling) -> FoldPlan:
    """Plan the fits of labels of elements, divided so that every fold trains on elements of every class.

    Labels are shuffled within each set, among its elements that have one: sets differ in their sizes and in
    their shares of the classes, and both stay as they are.

    Raises:
        InputError: labels or groups that cannot be used, or divided so.
    """
    kinds = choose_kinds(store, study.targets, study.task, of="elements")
    groups = columns.groups(store, study.group)
    seed = study.config.seed
    plan = plan_folds(
        len(store),
        folds=how.folds,
        repeats=how.repeats,
        groups=groups,
        holds=classes_in_sets(store, kinds, groups),
        validation=study.asked_validation,
        seed=seed,
    )
    whole = any(kind.whole_sets for kind in kinds.values())
    sizes, places = kept_elements(store, np.arange(len(store)), whole=whole, labels=study.targets, seed=seed)
    table = columns_of(store, study)
    fits = [FoldFit(fold, 0, table, how.baselines, places) for fold in plan]
    first = [fold for fold in plan if fold.repeat == 0]
    for permutation in range(1, how.permutations + 1):
        own = _seed(study, permutation)
        fits += [FoldFit(fold, permutation, table, False, places, labels_seed=own) for fold in first]
    return FoldPlan(fits, len(plan), _count(plan), groups, places=places, sizes=sizes)


def classes_in_sets(store: SetStore, kinds: Kinds, groups: np.ndarray | None) -> np.ndarray | None:
    """Mark sets that have elements of each class ``(B, C)``, classes of all labels together; none without classes.

    Raises:
        InputError: a class of one set, or of one group, alone.
    """
    units, what = (np.arange(len(store)), "sets") if groups is None else (np.asarray(groups).astype(str), "groups")
    _, unit_of = np.unique(units, return_inverse=True)
    found = []
    for name, kind in kinds.items():
        if not kind.discrete:
            continue
        names, codes = label_codes(labels_of(store, name))
        pairs = sets_with(store, codes)
        in_units = np.unique(np.stack([unit_of[pairs[0]], pairs[1]]), axis=1)
        counts = np.bincount(in_units[1], minlength=len(names))
        if (counts == 1).any():
            code = int(np.flatnonzero(counts == 1)[0])
            row = int(pairs[0][pairs[1] == code][0])
            raise InputError(
                f"every class of label {name!r} must be in two {what} at least, one to learn from and one to test; "
                f"{int((counts == 1).sum())} of {int((counts > 0).sum())} are in one alone, such as {names[code]!r} "
                f"(set {store.set_ids[row]!r}). Join such classes with others, leave these labels empty, or give more "
                "sets."
            )
        holds = np.zeros((len(store), len(names)), dtype=bool)
        holds[pairs[0], pairs[1]] = True
        found.append(holds[:, counts > 0])
    return np.concatenate(found, axis=1) if found else None


def _count(plan: list[Fold]) -> int:
    return 1 + max(fold.number for fold in plan)


def _seed(study: Study, permutation: int) -> int:
    return int(np.random.SeedSequence((study.config.seed, 0, 0, permutation)).generate_state(1)[0])


def columns_of(store: SetStore, study: Study) -> pa.Table:
    """Return the columns of the sets that a fit needs."""
    events = events_of(study.targets, study.task, study.event)
    wanted = [*((*study.targets, *events.values()) if study.of == "sets" else ()), *study.covariates]
    wanted += [name for name in (study.group, study.weight_column) if name is not None]
    wanted += ["group"] if study.group is None and "group" in store.sets.column_names else []
    for name in wanted:
        columns.column(store, name)  # which refuses one that is not there
    return store.sets.select(["set_id", *dict.fromkeys(wanted)])
