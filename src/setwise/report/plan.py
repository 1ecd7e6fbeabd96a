"""Say what a fit would do with some sets, before it is begun."""

from setwise._checks import InputError
from setwise.fit.preparation import Prepared, prepare
from setwise.fit.study import Study
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.target import Target
from setwise.validate.few_sets import FOLDS, is_measured_by_folds


def plan(store: SetStore, study: Study) -> list[str]:
    """Return what `setwise fit` would predict, how it would divide the sets, by which model; or why it would refuse.

    Args:
        store: the sets; nothing of them is fitted.
        study: what would be learned.
    """
    try:
        folds = is_measured_by_folds(store, study)
        prepared = prepare(store, study.model_copy(update={"test": 0.0}) if folds else study)
    except InputError as error:
        return [f"`setwise fit` would refuse: {error}"]
    return [
        *(_kind(target) for target in prepared.problem.objective.targets),
        _parts(prepared, folds=folds),
        _grouping(store, prepared),
        *prepared.notes,
    ]


def _kind(target: Target) -> str:
    """Say what kind of prediction a target is."""
    text = f"{target.name}: {target.word()}"
    if target.labels:
        text += f", {len(target.labels)} classes: "
        text += listed([repr(label) for label in target.labels], 8)
    if target.event_column is not None:
        text += f", whose event is said by {target.event_column!r}"
    return f"{text}. Another kind: --task {target.name}=KIND."


def _parts(prepared: Prepared, *, folds: bool) -> str:
    """Say which sets the model would learn from and be measured on."""
    split = prepared.problem.split
    if folds:
        return (
            f"It would fit {prepared.model} to all {len(split.train):,} sets, and measure it by predicting each set "
            f"by a fit without it, in {FOLDS} folds (--test 0.2 holds a part out instead)."
        )
    rest = f"{len(split.validation):,} to choose the epoch, " if len(split.validation) else ""
    return (
        f"It would fit {prepared.model} to {len(split.train):,} sets, {rest}and measure it on {len(split.test):,} that "
        "are held out, beside simple baselines."
    )


def _grouping(store: SetStore, prepared: Prepared) -> str:
    """Say what is kept together."""
    name = prepared.problem.group or ("group" if "group" in store.sets.column_names else None)
    if name is None:
        return "Each set stands for itself: if several are of one patient, name the patient's column with --group."
    groups = len(set(store.sets[name].to_pylist()))
    return f"Sets of one {name} stay together: {groups:,} of them, which intervals are drawn over."
