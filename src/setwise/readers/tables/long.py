"""Read a long table, one row per element, into a store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.order import CONSTANT, OrderCheck, may_be_ordered, note_on_sets, notes_on
from setwise.readers.per_set import add_columns, join
from setwise.readers.request import ReadRequest
from setwise.readers.tables.features import REFUSED, check_named, sort_columns
from setwise.readers.tables.of_sets import columns_of_sets
from setwise.store.file import Description, new_file, offsets_of
from setwise.store.ids import SetCodes
from setwise.store.kinds import is_number, to_float64
from setwise.store.labels import LABEL, check_no_label, label_codes, text_labels, tidy_labels
from setwise.store.spill import allocate
from setwise.store.store import SetStore
from setwise.store.tables import LazyTable, listed

_NONE: Mapping[str, str] = {}


def read_long(
    table: LazyTable,
    request: ReadRequest,
    sets: pa.Table | None,
    *,
    own: pa.Table | None = None,
    skipped: Mapping[str, str] = _NONE,
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> SetStore:
    """Read a long table twice, some rows at a time: which sets and features there are, then the elements.

    Rows of a set may lie anywhere in the table; their order within the set is kept. Memory holds the float32
    elements (none where the store is on disk), a few rows of the table and some numbers per set.

    Args:
        table: with a row per element.
        request: what is asked of reading.
        sets: the table of sets with their names as text (`ReadRequest.named_sets`), or none.
        own: the table of the sets that comes with the elements themselves (a nested table), with sets that have none.
        skipped: files and sets that were left out before, and why.
        problems: what was found wrong before.
        notes: what is to be said of the reading so far.

    Raises:
        InputError: what the table holds is at fault; the message says where.
    """
    features, left_out, ids, sizes, told = _choose(table, request)
    left_out, notes = {**table.left_out, **left_out}, [*notes, *told]
    changing: dict[str, str] = {}
    if own is None and (sizes > 1).any():
        others = [name for name, reason in left_out.items() if name not in request.labels and reason not in REFUSED]
        own, changing = columns_of_sets(table, request.set_id, [name for name in others if name in table.columns])
        own, told = (None, []) if own is None else _beside(own, sets, left_out)
        notes = [*notes, *told]
    joined, more = _join(ids, own, sets, table.name, request)
    problems = [*problems, *more]
    problems += [
        f"{table.name}: column {name!r} {reason.removeprefix('it ')}, which training refuses. {REFUSED[reason]}, "
        "or name the features."
        for name, reason in left_out.items()
        if reason in REFUSED
    ]
    shape = (len(features),)
    description = Description(
        tuple(features),
        shape,
        left_out,
        request.checked,
        tuple(problems),
        notes=tuple(notes),
        skipped=dict(skipped),
        changes=changing,
    )
    beside = _labels(table, request.set_id, request.labels, sizes)
    if request.store is not None:
        with new_file(request.store, sizes, joined, description, dtype=np.float32, labels=beside) as elements:
            _fill(elements, table, features, sizes, request)
        return SetStore.open(request.store)
    elements = allocate((int(sizes.sum()), len(features)))
    ends = _fill(elements, table, features, sizes, request)
    told = tuple(_rounded_away(ends, features))
    description = (
        replace(description, notes=(*notes, *told))
        if request.strict
        else replace(description, problems=(*problems, *told))
    )
    return SetStore.from_description(elements, sizes, joined, description, beside)


def _choose(
    table: LazyTable, request: ReadRequest
) -> tuple[list[str], dict[str, str], list[str], np.ndarray, list[str]]:
    """Return the features, the columns left out with the reason, the names of the sets, their sizes, and notes."""
    set_id, labels = request.set_id, request.labels
    if set_id not in table.columns:
        raise InputError(
            f"{table.name} has no column {set_id!r}; it has {listed(table.columns)}. Name the column that names the "
            "set of each row with --set-id."
        )
    table.check_columns(labels)
    if request.features is None:
        candidates, left_out = sort_columns(table, set_id, labels=labels, strict=request.strict)
        _check_any(candidates, left_out, table.name)
    else:
        candidates = request.features
        check_no_label(candidates, labels)
        check_named(table, candidates, set_id)
        left_out = {name: "it was not named" for name in table.columns if name not in (set_id, *labels, *candidates)}
    suspects = [] if request.like is not None else _suspects(table, set_id, candidates)
    ids, sizes, check = _count(table, set_id, suspects)
    in_order = check.reasons() if request.features is None else {}
    features = [name for name in candidates if name not in in_order]
    left_out |= in_order
    _check_any(features, left_out, table.name)
    told = notes_on(check, named=request.features is not None)
    return features, left_out | dict.fromkeys(labels, LABEL), ids, sizes, told


def _beside(own: pa.Table, sets: pa.Table | None, left_out: dict[str, str]) -> tuple[pa.Table | None, list[str]]:
    """Return columns of the sets that the table of elements brings, but for those of the table of sets, and notes.

    They are taken out of those left out.
    """
    there = () if sets is None else sets.column_names
    kept = [name for name in own.column_names[1:] if name not in there and name != "set_id"]
    numbers = [name for name in kept if left_out.pop(name) == CONSTANT]
    return (own.select(["set_id", *kept]) if kept else None), [note_on_sets(kept, numbers)] if kept else []


def _join(
    ids: list[str], own: pa.Table | None, sets: pa.Table | None, where: str, request: ReadRequest
) -> tuple[pa.Table, list[str]]:
    """Return the columns of the sets in the order of their names, and the problems found."""
    if own is None:
        return join(ids, sets, request.sets_name, strict=request.strict, drop=request.drop)
    joined, problems = join(ids, own, where, strict=request.strict, drop=request.drop)
    joined, more = add_columns(joined, sets, request.sets_name, strict=request.strict, drop=request.drop)
    return joined, problems + more


def _rounded_away(ends: np.ndarray, features: Sequence[str]) -> list[str]:
    """Return sentences on features that vary by less than float32 tells apart, though by more than float64 rounds."""
    low, high = ends
    with np.errstate(over="ignore", invalid="ignore"):
        top = np.maximum(np.abs(low), np.abs(high))
        lost = (high - low < np.spacing(top.astype(np.float32))) & (high - low > 1000 * np.spacing(top))
    return [
        f"feature {features[column]!r} lies between {float(low[column])!r} and {float(high[column])!r}, which float32 "
        "rounds to the same number or two: what it says is lost. Subtract an offset from it."
        for column in np.flatnonzero(lost).tolist()
    ]


def _check_any(features: Sequence[str], left_out: dict[str, str], where: str) -> None:
    if not features:
        reasons = "; ".join(f"{name!r}: {reason}" for name, reason in list(left_out.items())[:8])
        raise InputError(
            f"{where} has no column that is surely a feature ({reasons or 'no columns but the names of sets'}). "
            "Name the features to be used with features (--features)."
        )


def _suspects(table: LazyTable, set_id: str, candidates: Sequence[str]) -> list[str]:
    """Return columns that the first rows do not clear of being in order within every set."""
    first = next(table.read([set_id, *candidates]), None)
    if first is None:
        return []
    codes = SetCodes(column=set_id, where=table.name).encode(first[set_id], 0)
    return [name for name in candidates if may_be_ordered(to_float64(first[name]), codes)]


def _count(table: LazyTable, set_id: str, suspects: Sequence[str]) -> tuple[list[str], np.ndarray, OrderCheck]:
    """Return the names of the sets, their sizes, and what the suspects are within every set."""
    coder = SetCodes(column=set_id, where=table.name)
    check = OrderCheck(suspects)
    sizes = np.zeros(0, np.int64)
    row = 0
    for batch in table.read([set_id, *suspects]):
        codes = coder.encode(batch[set_id], row)
        counts = np.bincount(codes, minlength=len(coder.codes))
        counts[: len(sizes)] += sizes
        sizes = counts
        check.add(partial(_column, batch, suspects), codes)
        row += batch.num_rows
    if not row:
        raise InputError(f"{table.name} has no rows. Give it at least one element.")
    return coder.ids, sizes, check


def _column(batch: pa.RecordBatch, names: Sequence[str], position: int) -> np.ndarray:
    return to_float64(batch[names[position]])


def _fill(
    elements: np.ndarray,
    table: LazyTable,
    features: Sequence[str],
    sizes: np.ndarray,
    request: ReadRequest,
) -> np.ndarray:
    """Put every row where its set has its next place; return lowest and highest values ``(2, D)`` in float64."""
    set_id = request.set_id
    coder = SetCodes(column=set_id, where=table.name)
    offsets = offsets_of(sizes)
    places = offsets[:-1].copy()
    ends = np.array([[np.inf], [-np.inf]]).repeat(len(features), axis=1)
    row = 0
    for batch in table.read([set_id, *features]):
        codes = coder.encode(batch[set_id], row)
        values = _values(batch, features, table, row, ends, request)
        if len(coder.codes) > len(sizes):
            raise InputError(f"{table.name} changed while it was read. Read it again.")
        if len(codes):
            _put(elements, values, codes, places)
        if (places > offsets[1:]).any():
            raise InputError(f"{table.name} changed while it was read. Read it again.")
        row += batch.num_rows
    if (places != offsets[1:]).any():
        raise InputError(f"{table.name} changed while it was read. Read it again.")
    return ends


def _labels(table: LazyTable, set_id: str, names: Sequence[str], sizes: np.ndarray) -> dict[str, pa.Array]:
    """Return labels of all elements, in the order in which `_fill` puts the elements."""
    if not names:
        return {}
    coder = SetCodes(column=set_id, where=table.name)
    offsets = offsets_of(sizes)
    texts: dict[str, dict[str, int]] = {name: {} for name in names if not is_number(table.schema.field(name).type)}
    found = np.full((int(sizes.sum()), len(names)), np.nan)
    places, row = offsets[:-1].copy(), 0
    for batch in table.read([set_id, *names]):
        codes = coder.encode(batch[set_id], row)
        values = np.full((batch.num_rows, len(names)), np.nan)
        for column, name in enumerate(names):
            if name not in texts:
                values[:, column] = to_float64(batch[name])
                continue
            known, own = label_codes(tidy_labels(batch[name].cast(pa.string()), batch.num_rows, name))
            numbers = [texts[name].setdefault(text, len(texts[name])) for text in known]
            values[own >= 0, column] = np.array(numbers, float)[own[own >= 0]]
        if len(coder.codes) > len(sizes):
            raise InputError(f"{table.name} changed while it was read. Read it again.")
        if len(codes):
            _put(found, values, codes, places)
        row += batch.num_rows
    return {
        name: text_labels(found[:, column], list(texts[name])) if name in texts else pa.array(found[:, column])
        for column, name in enumerate(names)
    }


def _put(elements: np.ndarray, values: np.ndarray, codes: np.ndarray, places: np.ndarray) -> None:
    """Write rows to the next places of their sets, and move the places on."""
    order = np.argsort(codes, kind="stable") if (np.diff(codes) < 0).any() else None
    arranged = codes if order is None else codes[order]
    begins = np.flatnonzero(np.diff(arranged, prepend=-1))
    counts = np.diff(np.append(begins, len(arranged)))
    owners = arranged[begins]
    source = values if order is None else values[order]
    if len(owners) < 64:  # few long runs: a copy each
        for owner, begin, count in zip(owners, begins, counts, strict=True):
            elements[places[owner] : places[owner] + count] = source[begin : begin + count]
    else:
        elements[np.arange(len(arranged)) + np.repeat(places[owners] - begins, counts)] = source
    places[owners] += counts


def _values(
    batch: pa.RecordBatch,
    features: Sequence[str],
    table: LazyTable,
    first_row: int,
    ends: np.ndarray,
    request: ReadRequest,
) -> np.ndarray:
    """Return the features of some rows ``(n, D)`` in float32; ``ends`` ``(2, D)`` takes in their extremes in float64.

    Raises:
        InputError: a missing value, NaN or infinity, or a number too large for float32; only where ``strict``.
    """
    values = np.empty((batch.num_rows, len(features)), np.float32)
    with np.errstate(over="ignore"):
        for column, name in enumerate(features):
            exact = to_float64(batch[name])
            values[:, column] = exact
            ends[0, column] = np.fmin.reduce(exact, initial=ends[0, column])
            ends[1, column] = np.fmax.reduce(exact, initial=ends[1, column])
    bad = np.isinf(values) if request.keep_missing else ~np.isfinite(values)
    if request.strict and bad.any():
        row, column = np.argwhere(bad)[0]
        cell = batch[features[column]][int(row)].as_py()
        found = "is missing" if cell is None else f"is {cell}"
        if cell is not None and np.isfinite(float(cell)):
            found += ", too large for float32"
        raise InputError(
            f"{table.name}: every feature must be a finite number; {features[column]!r} {found} in "
            f"{table.place(first_row + int(row))} (set {batch[request.set_id][int(row)].as_py()!r}). "
            "Drop such elements, fill them in before, or mark them by a feature of their own (--missing mask)."
        )
    return values
