"""Leave sets out that have no target or no element, where that is asked for, and say which."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError, counted
from setwise.readers.request import ReadRequest
from setwise.store.kinds import is_number, is_text, to_float64
from setwise.store.labels import label_codes, labels_of
from setwise.store.rewritten import rewritten
from setwise.store.store import SetStore

pc: Any = compute  # its functions are made at import, out of sight of type checkers


def without_dropped(store: SetStore, request: ReadRequest, targets: Sequence[str], needed: Sequence[str]) -> SetStore:
    """Return the store without sets that have no row in the table of sets or no target, as far as that is asked for.

    Args:
        store: what was read.
        request: as it was asked for; it knows the sets without rows.
        targets: columns of the sets of which each set must have one.
        needed: columns of which each set must have all.

    Raises:
        InputError: no set is left.
    """
    drop = request.drop
    if drop is None:
        return store
    there = set(store.set_ids)
    reasons = {name: reason for name, reason in drop.names.items() if name in there}
    if drop.unlabelled:
        for name in np.array(store.set_ids, dtype=object)[~_labelled(store, targets, needed, request.labels)].tolist():
            reasons.setdefault(name, f"it has no {' and no '.join([*targets, *needed, *request.labels])}")
    skipped = {**store.description.skipped, **drop.names, **reasons}
    if skipped.keys() == store.description.skipped.keys():
        return store
    kept = np.array([row for row, name in enumerate(store.set_ids) if name not in reasons], np.int64)
    if not len(kept):
        raise InputError(
            f"no set is left: all {counted(len(store), 'set')} were left out. The first: {store.set_ids[0]!r}, since "
            f"{reasons[store.set_ids[0]]}. Name another target, or a table of sets that has it."
        )
    description = replace(store.description, skipped=skipped)
    return rewritten(store, description, rows=kept) if reasons else store.with_description(description)


def _labelled(store: SetStore, targets: Sequence[str], needed: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Mark the sets ``(B,)`` that have a target; those of elements where some element has a label."""
    some = np.zeros(len(store), bool)
    for name in targets:
        some |= _known(store, name)
    for name in labels:
        some |= np.bincount(store.owners[label_codes(labels_of(store, name))[1] >= 0], minlength=len(store)) > 0
    if not targets and not labels:
        some[:] = True
    for name in needed:
        some &= _known(store, name)
    return some


def _known(store: SetStore, name: str) -> np.ndarray:
    """Mark the sets that have a value in a column; all of them where there is no such column, which is told later."""
    if name not in store.sets.column_names:
        return np.ones(len(store), bool)
    column = store.sets[name].combine_chunks()
    if is_number(column.type):
        return ~np.isnan(to_float64(column))
    known = column.is_valid()
    if is_text(column.type):
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column.cast(pa.string())), ""), True)
        known = pc.and_(known, pc.invert(blank))
    return known.to_numpy(zero_copy_only=False)
