"""Choose the kinds of targets that columns of the sets' table, or labels of elements, ask for."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, check_choice
from setwise.store import columns
from setwise.store.kinds import WITH_POINTS, comma_number, is_number, not_numbers
from setwise.store.labels import check_no_label, is_text_label, label_codes, labels_of
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.classes import Classes
from setwise.targets.kinds import TARGETS, named, words
from setwise.targets.number import Number
from setwise.targets.target import Of, Target
from setwise.targets.words import TRANSFORMS

Kinds = dict[str, type[Target]]


def choose_kinds(
    store: SetStore,
    targets: Sequence[str],
    task: str | Mapping[str, str] | None = None,
    *,
    of: Of = "sets",
    events: Mapping[str, str] | None = None,
    transforms: Mapping[str, str] | None = None,
) -> Kinds:
    """Return the kind of target that each column of the sets' table, or each label of elements, asks for.

    Text, truth values and numbers with just two different values ask for classes; other numbers for numbers.
    ``task`` overrules it: a kind for all targets, or kinds of some of them by name; so does a column of events, by
    target (`events_of`), and a transform of numbers (`transforms_of`).

    Raises:
        InputError: no such column or label, no target, one that is a feature as well, a kind or a target that is
            unknown, text that is hardly a class.
    """
    what = _check_named(store, [*targets, *(events or {}).values()], of)
    said = dict.fromkeys(targets, task) if isinstance(task, str) else dict(task or {})
    for name, word in said.items():
        if name not in targets:
            raise InputError(f"task must be said of {what}, {listed(list(targets))}; got {name!r}.")
        if word is not None:
            one = len(targets) == 1 and of == "sets"
            check_choice("task" if one else f"the task of {name!r}", word, words(of))
    found = _of_column if of == "sets" else _of_label
    kinds = {name: named(word) if (word := said.get(name)) else found(store, name) for name in targets}
    kinds |= {name: kind for kind in TARGETS if kind.has_event for name in events or {} if not said.get(name)}
    kinds |= {name: kind for kind in TARGETS if kind.has_transform for name in transforms or {} if not said.get(name)}
    both = [name for name in transforms or {} if name in (events or {})]
    if both:
        raise InputError(
            f"target {both[0]!r} has events, and times to an event are not transformed: their order is all that is "
            "learned. Leave the transform out."
        )
    for name, word in (transforms or {}).items():
        kinds[name].check_transform(word, name, np.zeros(0), str)  # that its kind has transforms at all
    for name, kind in kinds.items():
        if kind.has_event != (name in (events or {})):
            raise InputError(_odd_event(name, kind))
    alone = next((kind for kind in kinds.values() if kind.whole_sets), None)
    if alone is not None and len(kinds) > 1:
        raise InputError(
            f"which element of a set is meant is learned alone; got {len(kinds)} labels, {listed(list(kinds))}. "
            "Name one of them."
        )
    return kinds


def events_of(
    targets: Sequence[str], task: str | Mapping[str, str] | None, event: str | Mapping[str, str] | None
) -> dict[str, str]:
    """Return by target the column of its events, which say whether what a time leads to has happened.

    Args:
        targets: names of columns.
        task: kinds that are asked for, as for `choose_kinds`.
        event: such columns by target; or one, of the only target or of the only one that is asked to have events.

    Raises:
        InputError: one column of events, and several targets that it may be of; or one that is no target's.
    """
    if event is None:
        return {}
    if not isinstance(event, str):
        for name in event:
            if name not in targets:
                raise InputError(f"events must be of targets, {listed(list(targets))}; got {name!r}.")
        return dict(event)
    said = task if isinstance(task, Mapping) else dict.fromkeys(targets, task)
    asked = [name for name in targets if (word := said.get(name)) is not None and named(word).has_event]
    asked = asked or list(targets)
    if len(asked) > 1:
        raise InputError(
            f"the events of column {event!r} must be of one target; got {listed(asked)}. Say which of them is a time "
            "(event={target: column}, or --task TARGET=time-to-event)."
        )
    return {asked[0]: event}


def transforms_of(targets: Sequence[str], transform: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return by target the word of what is done to its values before they are learned.

    Args:
        targets: names of columns, or of labels of elements.
        transform: a word for all targets, or words by target; none of no target.

    Raises:
        InputError: an unknown word, or a name that is no target's.
    """
    said = dict.fromkeys(targets, transform) if isinstance(transform, str) else dict(transform or {})
    for name, word in said.items():
        if name not in targets:
            raise InputError(f"transforms must be of targets, {listed(list(targets))}; got {name!r}.")
        check_choice(f"the transform of {name!r}", word, TRANSFORMS)
    return said  # pyright: ignore[reportReturnType] none is no word


def _odd_event(name: str, kind: type[Target]) -> str:
    if kind.has_event:
        return (
            f"target {name!r} is a time, and whether it ended in the event is not known. Name the column that says so "
            "(event=..., --event)."
        )
    return (
        f"events must be of a time to event; target {name!r} is of the kind {kind.word()!r}. Leave the event out, or "
        "say another task."
    )


def _check_named(store: SetStore, targets: Sequence[str], of: Of) -> str:
    """Refuse targets that are none, twice the same, or features; and return what they are called."""
    if of == "elements":
        if not targets or len(set(targets)) < len(targets):
            raise InputError(f"there must be labels to predict, each named once; got {listed(list(targets))}.")
        check_no_label(columns.vector_features(store), targets)
        return "labels"
    if not targets:
        raise InputError("there must be a target: name a column of the per-set table.")
    columns.check_targets(store, targets)
    return "targets"


def _of_column(store: SetStore, name: str) -> type[Target]:
    column = columns.column(store, name)
    if not is_number(column.type) or pa.types.is_boolean(column.type):
        columns.check_no_commas(store, name)
        if not pa.types.is_null(column.type):
            _check_classes(store, name)
        return Classes
    return Classes if len(column.drop_null().unique()) == 2 else Number


def _of_label(store: SetStore, name: str) -> type[Target]:
    column = labels_of(store, name)
    if is_text_label(column):
        _check_text(column, name)
        return Classes
    return Classes if len(label_codes(column)[0]) == 2 else Number


def _check_classes(store: SetStore, name: str) -> None:
    """Refuse text that is hardly a class: numbers, numbers with units or decimal commas, names, dates."""
    known = [
        (label, set_id) for label, set_id in zip(columns.labels(store, name, []), store.set_ids, strict=True) if label
    ]
    different = {label for label, _ in known}
    if len(different) <= 2:
        return
    odd = not_numbers(pa.array([label for label, _ in known]), missing=()).to_pylist()
    label, set_id = known[odd.index(True) if True in odd else 0]
    if len(different) > max(2, len(known) // 2):
        raise InputError(
            f"target {name!r} is text with {len(different)} different values for {len(known)} sets, too many for "
            f"classes; that of set {set_id!r} is {label!r}. Write numbers as numbers (1.5, no unit), or say that "
            f"these are classes (task='classification', --task {name}=classification)."
        )
    if sum(odd) < len(odd) / 2:
        but = f" but {sum(odd)}, such as {label!r} of set {set_id!r}" if any(odd) else ""
        raise InputError(
            f"target {name!r} is text that looks like numbers in all sets{but}. Say whether these are numbers or "
            f"classes (task='regression' or 'classification', --task {name}=regression), and mend what is neither."
        )


def _check_text(column: pa.Array, name: str) -> None:
    """Refuse text that is hardly a class: numbers with a stray word or commas, text that tells elements apart."""
    names, codes = label_codes(column)
    amounts = np.bincount(codes[codes >= 0], minlength=len(names))
    different, known = int((amounts > 0).sum()), int(amounts.sum())
    if example := comma_number(pa.array(names, pa.string()), missing=()):
        raise InputError(f"label {name!r} must hold numbers with decimal points; it holds {example!r}. {WITH_POINTS}.")
    if different <= 2:
        return
    odd = not_numbers(pa.array(names, pa.string()), missing=()).to_numpy(zero_copy_only=False) & (amounts > 0)
    first = names[int(odd.argmax())] if odd.any() else names[int(codes[codes >= 0][0])]
    what = f"label {name!r} is text with {different:,} different values for {known:,} elements"
    if different > known // 2:
        what += f", too many for classes, such as {first!r}"
    elif 0 < amounts[odd].sum() < known / 2:
        what += f" and looks like numbers but in {amounts[odd].sum():,} of them, such as {first!r}"
    else:
        return
    raise InputError(
        f"{what}. Write numbers as numbers, and leave those empty that are not known; or say that these are classes "
        f"(task='classification', --task {name}=classification)."
    )
