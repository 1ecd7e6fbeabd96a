"""Read FCS files into a store: each file a set, one after the other, so that a folder may be larger than memory."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.fcs.beside import with_columns
from setwise.readers.fcs.channels import check_have, columns_of, names_of, shared, with_aliases
from setwise.readers.fcs.file import ROWS, FcsFile, open_fcs
from setwise.readers.fcs.order import check_order
from setwise.readers.fcs.processing import Opened, faults, notes, processing_of
from setwise.readers.fcs.spillover import Spillover, spillover_of
from setwise.readers.files import SetFiles, find_files, opened_files
from setwise.readers.formats.fcs import Fcs
from setwise.readers.names import expanded, is_clock
from setwise.readers.order import CONSTANT, note_on_sets, notes_on
from setwise.readers.paths import is_pattern, listed_files
from setwise.readers.per_set import join, named_rows
from setwise.readers.request import ReadRequest
from setwise.store.file import Description, offsets_of
from setwise.store.filled import filled_store
from setwise.store.ids import unify
from setwise.store.labels import LABEL, check_no_label
from setwise.store.processing import Processing
from setwise.store.scales import scale_of
from setwise.store.store import SetStore
from setwise.store.tables import listed


def read_fcs(source: Any, request: ReadRequest) -> SetStore:
    """Read FCS files: look at all of them first, then copy their events, some at a time.

    Spillover is taken back where a file brings its matrix, then ``arcsinh(x / cofactor)`` is applied to every feature
    but light scatter, times and shapes of pulses. Features are channels by ``$PnN`` or ``$PnS``, by default all that
    every file has, but for time and the like. Labels are channels as they are stored.

    Args:
        source: a folder, a pattern, a file or a list of files.
        request: what is asked of reading.

    Raises:
        InputError: a file that cannot be read (unless ``skip_bad``), panels that differ, a table that does not fit.
    """
    found, pairs = opened_files(fcs_files(source, request), partial(_open, request=request), request, kind=Fcs.name)
    opened = Opened(found, [file for file, _ in pairs], [spillover for _, spillover in pairs])
    opened, names, left_out, problems = _choose(opened, request)
    names, in_order, told = _without_order(opened, names, request)
    left_out |= in_order
    columns = check_have(opened.files, names)
    processing = processing_of(opened, names, request.reading, request.like)
    where = request.sets_name
    ids = unify(opened.sources.ids, where or "the names of the files")
    table = opened.sources.table
    own = None if table is None else named_rows(table, request.set_id, where)
    joined, more = join(ids, own, where, strict=request.strict, drop=request.drop)
    constants = [name for name, reason in in_order.items() if reason == CONSTANT]
    keywords, is_fitted = request.reading.keywords or (), request.like is not None  # sets to predict may lack a target
    joined, added = with_columns(joined, opened.files, keywords=keywords, constants=constants, strict=not is_fitted)
    constants = [name for name in constants if name in added]
    left_out = {name: reason for name, reason in left_out.items() if name not in constants}
    told = [*told, *([note_on_sets(constants, constants)] if constants else [])]
    odd = faults(opened.files)
    description = Description(
        tuple(names),
        (len(names),),
        left_out,
        request.checked,
        (*opened.sources.problems, *problems, *more, *(() if request.strict else odd)),
        processing,
        (*(odd if request.strict else ()), *told, *opened.sources.notes, *notes(opened, names, columns, processing)),
        opened.sources.skipped,
    )
    sizes = np.array([file.events for file in opened.files], np.int64)
    beside = _labels(opened, request.labels, of_run=request.like is not None)
    fill = partial(_fill, opened=opened, columns=columns, names=names, processing=processing, request=request)
    return filled_store(request.store, sizes, joined, description, fill, labels=beside)


def fcs_files(source: Any, request: ReadRequest) -> SetFiles:
    """Find the FCS files of a source, and the rows of the table of sets that they belong to.

    Raises:
        InputError: as `setwise.readers.files.find_files`.
    """
    chosen = isinstance(source, str | Path) and is_pattern(Path(source))  # by whoever wrote the pattern
    listing = listed_files(source, lambda path: chosen or path.suffix.lower() in Fcs.suffixes)
    return find_files(listing, request, kind=Fcs.name)


def _choose(opened: Opened, request: ReadRequest) -> tuple[Opened, list[str], dict[str, str], list[str]]:
    """Return the files that are kept, their features, the channels left out with the reason, and the problems."""
    features, labels, of_run = request.features, request.labels, request.like is not None
    skip = request.reading.skip_bad
    if features is None:
        names, left_out, problems = shared(opened.files, strict=request.strict)
        are_labels = _are_labels(opened, names, labels, of_run)
        names = [name for name, labelled in zip(names, are_labels, strict=True) if not labelled]
    else:
        if isinstance(features, str) or not features or len(set(features)) < len(features):
            raise InputError(f"features must be a list of distinct names of channels; got {features!r}.")
        every = dict.fromkeys(name for file in opened.files for name in names_of(file))
        names, problems = expanded(features, list(every), str(opened.files[0].path.parent)), []
        opened = _having(opened, names, of_run=of_run) if skip else opened
        places = check_have(opened.files, names, of_run=of_run, can_skip=not skip)
        every = dict.fromkeys(name for file in opened.files for name in names_of(file))
        used = {names_of(file)[n] for file, own in zip(opened.files, places, strict=True) for n in own}
        left_out = {name: "it was not named" for name in every if name not in used}
    are_labels = _are_labels(opened, names, labels, of_run)
    check_no_label(names, [name for name, labelled in zip(names, are_labels, strict=True) if labelled])
    return opened, names, left_out | dict.fromkeys(labels, LABEL), problems


def _without_order(
    opened: Opened, names: list[str], request: ReadRequest
) -> tuple[list[str], dict[str, str], list[str]]:
    """Return the features that are measured, the others with the reason, and what is to be said of named ones."""
    if request.like is not None:
        return names, {}, []
    check = check_order(opened.files, names)
    if request.features is not None:
        return names, {}, notes_on(check, named=True)
    reasons = check.reasons()
    kept = [name for name in names if name not in reasons]
    if not kept:
        told = "; ".join(f"{name!r}: {reason}" for name, reason in list(reasons.items())[:8])
        raise InputError(f"{opened.files[0].path}: no channel is surely measured ({told}). Name channels (--features).")
    return kept, reasons, []


def _are_labels(opened: Opened, names: Sequence[str], labels: Sequence[str], of_run: bool) -> list[bool]:
    """Return whether each channel is a label, by either of its names."""
    if not labels:
        return [False] * len(names)
    places = set(check_have(opened.files[:1], labels, of_run=of_run)[0])
    return [place in places for place in check_have(opened.files[:1], names)[0]]


def _labels(opened: Opened, names: Sequence[str], *, of_run: bool) -> dict[str, pa.Array]:
    """Return channels of all files as they are stored: neither compensated nor transformed."""
    if not names:
        return {}
    columns = check_have(opened.files, names, of_run=of_run)
    pieces = [
        np.array(events[:, own], np.float64)
        for file, own in zip(opened.files, columns, strict=True)
        for events in file.read(_rows(file))
    ]
    found = np.concatenate(pieces)
    return {name: pa.array(np.ascontiguousarray(found[:, column])) for column, name in enumerate(names)}


def _open(path: Path, request: ReadRequest) -> tuple[FcsFile, Spillover | None]:
    """Open a file, with the matrix that takes its spillover back, where it has one and that is wanted."""
    file = open_as(path, request)
    spillover = None if request.reading.compensate is False else spillover_of(file)
    return with_aliases(file, request.reading.aliases or {}), spillover


def open_as(path: Path, request: ReadRequest) -> FcsFile:
    """Open a file as a request asks (`setwise.readers.fcs.file.open_fcs`)."""
    return open_fcs(path, data_set=request.reading.data_set, ignore_tot=request.reading.ignore_tot)


def panels_of(source: Any, request: ReadRequest) -> dict[str, list[str]]:
    """Return the names of the channels of each file, but for clocks and what setwise added."""
    found = {}
    for path in fcs_files(source, request).paths:
        file = open_as(path, request)
        pairs = zip(file.channels, names_of(file), strict=True)
        found[path.name] = [
            name
            for channel, name in pairs
            if not is_clock(name) and not is_clock(channel.name) and channel.name not in file.added
        ]
    return found


def _having(opened: Opened, names: Sequence[str], *, of_run: bool) -> Opened:
    """Return the files that have all of the named channels; the others are left out."""
    rows = []
    for row, file in enumerate(opened.files):
        lacking = [name for name, place in zip(names, columns_of(file, names), strict=True) if place is None]
        if lacking:
            opened.sources.skipped[opened.sources.ids[row]] = f"{file.path} has no channel {listed(lacking)}"
        else:
            rows.append(row)
    if not rows:
        check_have(opened.files, names, of_run=of_run)
    files, spillovers = [opened.files[row] for row in rows], [opened.spillovers[row] for row in rows]
    return Opened(opened.sources.take(rows), files, spillovers)


def _fill(
    elements: np.ndarray,
    *,
    opened: Opened,
    columns: Sequence[Sequence[int]],
    names: Sequence[str],
    processing: Processing,
    request: ReadRequest,
) -> None:
    """Copy the events of all files, some at a time."""
    sizes = [file.events for file in opened.files]
    place = offsets_of(np.array(sizes))
    cofactors = np.array([processing.cofactors.get(name, 0.0) for name in names])
    chosen = np.flatnonzero(cofactors)
    scales = {names.index(name): scale_of(text) for name, text in processing.scales.items()}
    for position, (file, spillover) in enumerate(zip(opened.files, opened.spillovers, strict=True)):
        row = int(place[position])
        for events in file.read(_rows(file)):
            if spillover is not None:
                spillover.apply(events)
            values = events[:, columns[position]]
            with np.errstate(over="ignore"):
                values[:, chosen] = np.arcsinh(values[:, chosen] / cofactors[chosen])
                for column, scale in scales.items():
                    values[:, column] = scale.apply(values[:, column])
                piece = values.astype(np.float32)
            if request.strict:
                _check(piece, names, file, row - int(place[position]), request)
            elements[row : row + len(piece)] = piece
            row += len(piece)


def _rows(file: FcsFile) -> int:
    """Return how many events are read at a time: fewer where there are many channels."""
    return max(1 << 10, min(ROWS, (1 << 21) // len(file.channels)))


def _check(piece: np.ndarray, names: Sequence[str], file: FcsFile, first: int, request: ReadRequest) -> None:
    """Refuse events with values that are not finite; NaN passes where missing values are kept."""
    bad = np.isinf(piece) if request.keep_missing else ~np.isfinite(piece)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        masks = ", or mark what is missing (--missing mask)" if np.isnan(piece[row, column]) else ""
        others = "" if request.like is not None else f", leave the channel out (--features){masks}"
        raise InputError(
            f"{file.path}: every value must be a finite number; {names[column]!r} is {piece[row, column]} in event "
            f"{first + int(row) + 1}. Drop such events{others}."
        )
