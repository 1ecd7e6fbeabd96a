"""Summarise the labels of elements of a store, and what is wrong with them, before anybody trains."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from setwise.store.labels import is_text_label, label_codes, labels_of, sets_with
from setwise.store.store import SetStore
from setwise.store.tables import listed

_SHOWN = 50  # classes that are counted one by one
_CLASSES = 10  # different numbers that may be classes, and are counted


@dataclass(frozen=True)
class LabelSummary:
    """One label of the elements.

    Attributes:
        name: the column.
        kind: "number" or "text".
        missing: elements without a label.
        distinct: different labels.
        unlabelled: sets none of whose elements has a label.
        minimum, maximum, mean: of numbers, else none.
        elements: how many elements have each label, where different ones are few, else none; most first.
        sets: how many sets have elements of it, by the same labels.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    unlabelled: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    elements: Mapping[str, int] | None = None
    sets: Mapping[str, int] | None = None


def summarise_label(store: SetStore, name: str) -> LabelSummary:
    """Look at all labels of one column once.

    Raises:
        InputError: no such labels.
    """
    column = labels_of(store, name)
    names, codes = label_codes(column)
    known = codes >= 0
    amounts = np.bincount(codes[known], minlength=len(names))
    distinct = int((amounts > 0).sum())
    unlabelled = len(store) - len(np.unique(store.owners[known]))
    elements: dict[str, int] | None = None
    sets: dict[str, int] | None = None
    if distinct <= (_SHOWN if is_text_label(column) else _CLASSES):
        held = np.bincount(sets_with(store, codes)[1], minlength=len(names))
        order = [code for code in np.argsort(-amounts, kind="stable").tolist() if amounts[code]]
        elements = {names[code]: int(amounts[code]) for code in order}
        sets = {names[code]: int(held[code]) for code in order}
    missing = int((~known).sum())
    if is_text_label(column):
        return LabelSummary(name, "text", missing, distinct, unlabelled, elements=elements, sets=sets)
    numbers = column.to_numpy(zero_copy_only=False)
    finite = numbers[np.isfinite(numbers)]
    ends = (float(finite.min()), float(finite.max()), float(finite.mean())) if finite.size else (None, None, None)
    return LabelSummary(name, "number", missing, distinct, unlabelled, *ends, elements, sets)


def about_label(label: LabelSummary, num_sets: int, num_elements: int) -> list[str]:
    """Say what training would refuse, or what makes its outcome doubtful, a sentence each."""
    name, problems = label.name, []
    if label.missing == num_elements:
        return [f"label {name!r} is missing for all elements: there is nothing to learn from it."]
    if label.missing:
        problems.append(
            f"label {name!r} is missing for {label.missing:,} of {num_elements:,} elements: they are seen with their "
            "sets, and nothing is learned from them."
        )
    if label.unlabelled:
        problems.append(f"label {name!r} is missing for all elements of {label.unlabelled} of {num_sets} sets.")
    if label.distinct == 1:
        problems.append(f"label {name!r} is the same for all elements: there is nothing to learn from it.")
    elif label.kind == "text" and label.distinct > max(2, num_elements // 2):
        problems.append(f"label {name!r} has {label.distinct:,} classes for {num_elements:,} elements.")
    elif label.sets is not None and (label.kind == "text" or label.distinct == 2):
        alone = [repr(value) for value, count in label.sets.items() if count == 1]
        if alone:
            problems.append(
                f"label {name!r}: {listed(alone, 5)} in one set only, which cannot be both learned from and tested on. "
                "Join such classes with others, or leave these labels empty."
            )
    return problems
