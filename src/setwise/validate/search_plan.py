"""Plan a search: the sets that it may see, the folds that decide, what is tried."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from setwise._files import checksum
from setwise.assess.drawn_elements import kept_elements
from setwise.fit.preparation import prepare
from setwise.fit.study import Study
from setwise.models.families import family_of_model
from setwise.store import columns
from setwise.store.folds import plan_folds
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.choose import choose_kinds, events_of
from setwise.targets.truth import target_values
from setwise.validate.fold_plan import classes_in_sets, columns_of
from setwise.validate.fold_runs import known_of


@dataclass(frozen=True)
class Part:
    """The sets that a search may see.

    Attributes:
        store: all sets.
        rows: of those that it may see.
        groups, classes: ``(B,)`` of all sets, or none.
        holds: of labels of elements, ``(B, C)`` which sets hold which classes; or none.
        places: of labels of elements, which elements are measured; or none.
    """

    store: SetStore
    rows: np.ndarray
    groups: np.ndarray | None
    classes: np.ndarray | None = None
    holds: np.ndarray | None = None
    places: np.ndarray | None = None

    def folds(self, count: int, *, validation: float | None, seed: int) -> list[tuple[Split, int]]:
        """Divide these sets into folds, as rows of the store, with the seeds of their fits."""
        groups, classes, holds = (None if x is None else x[self.rows] for x in (self.groups, self.classes, self.holds))
        plan = plan_folds(
            len(self.rows),
            folds=count,
            groups=groups,
            classes=classes,
            holds=None if holds is None else holds[:, holds.any(0)],
            validation=validation,
            seed=seed,
        )
        return [
            (Split(*(self.rows[part] for part in (f.split.train, f.split.validation, f.split.test))), f.seed)
            for f in plan
        ]


@dataclass(frozen=True)
class SearchPlan:
    """A search that is to be done.

    Attributes:
        part: the sets that it may see.
        models: that are tried.
        folds: of these sets, that decide between trials, and the seeds of their fits.
        split: of all sets, on whose test part is measured what it finds.
        seed: of that last fit.
        fingerprint: of everything that decides the trials.
    """

    part: Part
    models: tuple[str, ...]
    folds: list[tuple[Split, int]]
    split: Split
    seed: int
    fingerprint: str


def everything_of(store: SetStore, study: Study) -> Part:
    """Return all sets, with what decides how they are divided.

    Raises:
        InputError: targets, labels or groups that cannot be used.
    """
    rows, groups = np.arange(len(store)), columns.groups(store, study.group)
    events = events_of(study.targets, study.task, study.event)
    kinds = choose_kinds(store, study.targets, study.task, of=study.of, events=events)
    if study.of == "elements":
        whole = any(kind.whole_sets for kind in kinds.values())
        _, places = kept_elements(store, rows, whole=whole, labels=study.targets, seed=study.config.seed)
        return Part(store, rows, groups, holds=classes_in_sets(store, kinds, groups), places=places)
    values = target_values(store, kinds, events=events)
    (alone, *others) = kinds.values()
    return Part(store, rows, groups, classes=None if others else alone.strata(values[:, 0]))


def planned(everything: Part, study: Study, models: Sequence[str], last: tuple[Split, int], inner: int) -> SearchPlan:
    """Plan the search whose choices are fitted and measured on a split; refuse it where its fits would be refused.

    Raises:
        InputError: sets that cannot be divided so; targets, columns or parts that cannot be used.
    """
    store, (split, seed) = everything.store, last
    prepare(store, study.with_seed(seed), split)
    part = replace(everything, rows=np.sort(np.concatenate([split.train, split.validation])))
    folds = part.folds(inner, validation=study.asked_validation, seed=study.config.seed)
    for own, of in folds:
        prepare(store, study.with_seed(of), own)
    columns_of_sets = columns_of(store, study).to_pydict()
    content = [study.identity(), known_of(store, study), [(own.to_dict(), of) for own, of in folds], columns_of_sets]
    content += [list(models), searched(study, models)]
    fingerprint = checksum(json.dumps(content, default=str, sort_keys=True).encode())
    return SearchPlan(part, tuple(models), folds, split, seed, fingerprint)


def searched(study: Study, models: Sequence[str]) -> list[str]:
    """List what is searched beside the model: all that the models have and the study has not of its own."""
    held = {*study.model_choices, *study.config.model_fields_set}
    spaces = dict.fromkeys(name for model in models for name in family_of_model(model).space)
    return [name for name in (*spaces, "learning_rate") if name not in held]
