"""Merge classes that are one: spelled in several ways, or said to be one; by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.store.columns import column, labels
from setwise.store.inspect_targets import spelling
from setwise.store.labels import label_codes
from setwise.store.store import SetStore
from setwise.store.tables import listed

Merges = Mapping[str, Mapping[str, Sequence[str]]]


def merged(store: SetStore, wanted: Merges, *, strict: bool) -> SetStore:
    """Return the store with classes merged in columns of its sets and labels of its elements.

    The description says what was merged, and keeps it as a choice of reading that merges new data alike.

    Args:
        store: the sets.
        wanted: by column, the old names of each new one. Names that differ in spelling alone (capitals, blanks, dashes,
            leading zeros) are one as well, by the name that is given or else the commonest.
        strict: false where columns and names may be missing, as in new data for a run.

    Raises:
        InputError: no such column or class.
    """
    notes, kept, sets, of_elements = [], {}, store.sets, dict(store.labels)
    for name, news in wanted.items():
        kept[name] = {new: list(olds) for new, olds in news.items()}
        if not strict and name not in of_elements and name not in sets.column_names:
            continue
        if name in of_elements:
            texts, codes = label_codes(of_elements[name])
        else:
            column(store, name)  # or says why it is none
            texts, codes = _codes(labels(store, name, rows=[]))
        counts = dict(zip(texts, np.bincount(codes[codes >= 0], minlength=len(texts)).tolist(), strict=True))
        if strict:
            _check_there(name, news, counts)
        becomes = _names(news, counts)
        kept[name] = _by_new(news, becomes)
        notes += _told(name, becomes)
        renamed = pa.array([becomes[old] for old in texts], pa.string()).take(pa.array(codes, mask=codes < 0))
        if name in of_elements:
            of_elements[name] = renamed
        else:
            sets = sets.set_column(sets.column_names.index(name), name, renamed)
    found = store.with_labels(of_elements) if of_elements else store
    found = found.with_sets(sets)
    choices = {**found.description.choices, "merge_classes": kept}
    return found.with_description(replace(found.description, notes=(*found.description.notes, *notes), choices=choices))


def _codes(values: Sequence[str | None]) -> tuple[list[str], np.ndarray]:
    """Return the different texts, and the number of each value's, -1 where it is missing."""
    numbers: dict[str, int] = {}
    codes = [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), np.array(codes, np.int64)


def _names(news: Mapping[str, Sequence[str]], counts: Mapping[str, int]) -> dict[str, str]:
    """Return the name that each class of some data gets."""
    becomes = {name: new for new, olds in news.items() for name in (new, *olds)}
    by_spelling: dict[str, str] = {}
    for name, new in becomes.items():
        by_spelling.setdefault(spelling(name), new)
    for name in sorted(counts, key=lambda name: -counts[name]):
        if name not in becomes:
            becomes[name] = by_spelling.setdefault(spelling(name), name)
    return {name: becomes[name] for name in counts}


def _by_new(news: Mapping[str, Sequence[str]], becomes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of all classes, with those that each took in, of these data and those before."""
    found = {new: list(olds) for new, olds in news.items()}
    for name, new in becomes.items():
        olds = found.setdefault(new, [])
        if name != new and name not in olds:
            olds.append(name)
    return found


def _check_there(column: str, news: Mapping[str, Sequence[str]], counts: Iterable[str]) -> None:
    known = {spelling(name) for name in counts}
    for old in (old for olds in news.values() for old in olds):
        if spelling(old) not in known:
            raise InputError(
                f"classes that are merged must be among those of {column!r}, "
                f"{listed([repr(name) for name in counts])}; got {old!r}. Mend --merge-classes."
            )


def _told(column: str, becomes: Mapping[str, str]) -> list[str]:
    olds: dict[str, list[str]] = {}
    for name, new in becomes.items():
        if name != new:
            olds.setdefault(new, []).append(repr(name))
    if not olds:
        return []
    parts = [
        f"{listed(names, 5)} {'is' if len(names) == 1 else 'are'} taken for {new!r}" for new, names in olds.items()
    ]
    return [f"classes of {column!r}: {'; '.join(parts)} (--merge-classes)"]
