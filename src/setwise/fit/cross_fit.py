"""Cross-fit ensembles: where no sets can be spared for validation, each member leaves out another part of them.

What the members say of the sets that they have not seen is as good as a validation part of all training sets, for one
number at least: the temperature of the probabilities.

Source: Breiman 1996, Stacked regressions, Machine Learning 24 (predictions of left-out parts); in `docs/log.md` what it
is worth for sets.
"""

from dataclasses import replace

import numpy as np

from setwise.runs.config import FitConfig
from setwise.store import columns
from setwise.store.folds import parts_of
from setwise.store.identical import identical_sets
from setwise.targets.problem import Problem

_PARTS = 5
NOT_TEMPERED = (
    "Probabilities are not tempered, and from few sets they may be far too sure: there are too few training sets (or "
    "groups), in all or of a class, for each model to leave some out and still see every class. Give more of them."
)


def out_of_fold_rows(
    problem: Problem, config: FitConfig, *, calibrate: bool | None, always: bool = False
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Choose the rows of the store that each member is not fitted on, with a remark where none can be left out.

    No rows at all where members are fitted alike.

    Parts are as many whatever the number of members, so that a run can be given more of them.

    Args:
        problem: the sets, their parts and targets.
        config: with the number of members, and the seed of the parts.
        calibrate: whether temperatures are asked for; by default they are where this can give them.
        always: sets are left out whether or not there are temperatures to fit.
    """
    has_classes = any(target.can_be_tempered for target in problem.objective.targets)
    wanted = always or (has_classes and calibrate is not False)
    if not wanted or len(problem.split.validation) or config.ensemble < 2:
        return [], ()
    rows = problem.split.train
    classes = problem.objective.targets[0].strata(problem.values[rows, 0]) if problem.of == "sets" else None
    groups = _kept_together(problem)
    parts = parts_of(
        len(rows),
        _PARTS,
        groups=None if groups is None else groups[rows],
        classes=classes if len(problem.objective.targets) == 1 else None,
        seed=config.seed,
    )
    if not parts:
        return [], (NOT_TEMPERED,) if has_classes else ()
    return [rows[parts[member % len(parts)]] for member in range(config.ensemble)], ()


def _kept_together(problem: Problem) -> np.ndarray | None:
    """Return what is left out whole ``(B,)``: groups, and sets that hold the same elements under several names."""
    groups = columns.groups(problem.store, problem.group)
    same = identical_sets(problem.store)
    if not same:
        return groups
    groups = np.arange(len(problem.store)).astype(str) if groups is None else groups.copy()
    for rows in same:
        groups[np.isin(groups, groups[rows])] = groups[rows[0]]
    return groups


def without(problem: Problem, rows: np.ndarray) -> Problem:
    """Return the problem without some training sets."""
    train = problem.split.train
    return replace(problem, split=replace(problem.split, train=train[~np.isin(train, rows)]))
