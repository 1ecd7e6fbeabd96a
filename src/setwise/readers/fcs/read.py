"""FCS files into a store: each file a set, one after the other, so that a folder may be larger than memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, counted
from setwise.readers.fcs.channels import (
    FLOW,
    MASS,
    check_have,
    columns_of,
    is_mass,
    is_scatter,
    mixed_markers,
    names_of,
    quoted,
    shared,
)
from setwise.readers.fcs.file import ROWS, FcsFile, open_fcs
from setwise.readers.fcs.folder import Sources
from setwise.readers.fcs.spillover import Spillover, spillover_of
from setwise.readers.per_set import join, named_rows
from setwise.store.file import Description, new_file, offsets_of
from setwise.store.ids import unify
from setwise.store.labels import LABEL, check_no_label
from setwise.store.reading import Processing, Reading
from setwise.store.spill import allocate
from setwise.store.store import SetStore
from setwise.store.tables import listed


@dataclass(frozen=True)
class _Opened:
    """Files that can be read, with what is done to their events."""

    sources: Sources
    files: list[FcsFile]
    spillovers: list[Spillover | None]


def read_fcs(
    sources: Sources,
    *,
    reading: Reading,
    like: Processing | None,
    set_id: str,
    features: Sequence[str] | None,
    sets_name: str,
    store: Path | None,
    strict: bool,
    keep_missing: bool = False,
    labels: Sequence[str] = (),
) -> SetStore:
    """Read FCS files: look at all of them first, then copy their events, some at a time.

    Spillover is taken back where a file brings its matrix, then ``arcsinh(x / cofactor)`` is applied to every feature
    but light scatter, times and shapes of pulses.

    Args:
        sources: the files and their rows, as `find_sources` found them.
        reading: choices of reading.
        like: what was done to the elements that a model was fitted on, to be done again; none for the choices alone.
        set_id: the column that names the sets.
        features: channels by ``$PnN`` or ``$PnS``; by default all that every file has, but for time and the like.
        sets_name: how errors name the table of sets.
        store: where to keep the store, or none for memory.
        strict: false to keep problems rather than raise them.
        keep_missing: let values through that are missing.
        labels: channels that are kept as they are, as labels of the events, and are no features.

    Raises:
        InputError: a file that cannot be read (unless ``skip_bad``), panels that differ, a table that does not fit.
    """
    opened = _open_all(sources, reading, strict=strict)
    of_run = like is not None
    if features is None:
        names, left_out, problems = shared(opened.files, strict=strict)
        names = [
            name
            for name, labelled in zip(names, _are_labels(opened, names, labels, of_run), strict=True)
            if not labelled
        ]
    else:
        if isinstance(features, str) or not features or len(set(features)) < len(features):
            raise InputError(f"features must be a list of distinct names of channels; got {features!r}.")
        names, problems = list(features), []
        opened = _having(opened, names, of_run=of_run) if reading.skip_bad else opened
        places = check_have(opened.files, names, of_run=of_run, can_skip=not reading.skip_bad)
        every = dict.fromkeys(name for file in opened.files for name in names_of(file))
        used = {names_of(file)[n] for file, own in zip(opened.files, places, strict=True) for n in own}
        left_out = {name: "it was not named" for name in every if name not in used}
    both = [name for name, labelled in zip(names, _are_labels(opened, names, labels, of_run), strict=True) if labelled]
    check_no_label(names, both)
    left_out |= dict.fromkeys(labels, LABEL)
    columns = check_have(opened.files, names)
    processing = _processing(opened, names, reading, like)
    ids = unify(opened.sources.ids, sets_name or "the names of the files")
    own = None if opened.sources.table is None else named_rows(opened.sources.table, set_id, sets_name)
    joined, more = join(ids, own, sets_name, strict=strict)
    description = Description(
        tuple(names),
        (len(names),),
        left_out,
        strict and not keep_missing,
        (*opened.sources.problems, *problems, *more),
        processing,
        tuple(_notes(opened, names, columns)),
        opened.sources.skipped,
    )
    sizes = np.array([file.events for file in opened.files], np.int64)
    arguments = (opened, columns, names, processing)
    beside = _labels(opened, labels, of_run=of_run)
    if store is not None:
        with new_file(store, sizes, joined, description, dtype=np.float32, labels=beside) as elements:
            _fill(elements, *arguments, strict=strict, keep_missing=keep_missing, of_run=of_run)
        return SetStore.open(store)
    elements = allocate((int(sizes.sum()), len(names)))
    _fill(elements, *arguments, strict=strict, keep_missing=keep_missing, of_run=of_run)
    return SetStore.from_description(elements, sizes, joined, description, beside)


def _are_labels(opened: _Opened, names: Sequence[str], labels: Sequence[str], of_run: bool) -> list[bool]:
    """Whether each channel is a label, by either of its names."""
    if not labels:
        return [False] * len(names)
    places = set(check_have(opened.files[:1], labels, of_run=of_run)[0])
    return [place in places for place in check_have(opened.files[:1], names)[0]]


def _labels(opened: _Opened, names: Sequence[str], *, of_run: bool) -> dict[str, pa.Array]:
    """Channels of all files as they are stored: neither compensated nor transformed."""
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


def _open_all(sources: Sources, reading: Reading, *, strict: bool) -> _Opened:
    """Open every file; those that cannot be read are left out where that was asked for, or to inspect the others."""
    files, spillovers, rows = [], [], []
    bad: dict[str, str] = {}
    for row, path in enumerate(sources.paths):
        try:
            file = open_fcs(path, data_set=reading.data_set)
            spillover = None if reading.compensate is False else spillover_of(file)
        except InputError as error:
            bad[sources.ids[row]] = str(error)
            continue
        files.append(file)
        spillovers.append(spillover)
        rows.append(row)
    if bad and not reading.skip_bad:
        others = (
            f" Besides, {counted(len(bad) - 1, 'file')} cannot be read: {listed(list(bad)[1:], 5)}."
            if len(bad) > 1
            else ""
        )
        advice = "" if len(sources.paths) == 1 else " Leave out what cannot be read with --skip-bad."
        problem = f"{next(iter(bad.values()))}{others}{advice}"
        if strict or not files:
            raise InputError(problem)
        sources.problems.append(problem)
    elif bad and not files:
        raise InputError(f"none of the {len(bad)} FCS files can be read. The first: {next(iter(bad.values()))}")
    sources.skipped |= bad
    return _Opened(sources.take(rows) if bad else sources, files, spillovers)


def _having(opened: _Opened, names: Sequence[str], *, of_run: bool) -> _Opened:
    """The files that have all of the named channels; the others are left out."""
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
    return _Opened(opened.sources.take(rows), files, spillovers)


def _compensation(opened: _Opened, reading: Reading, like: Processing | None) -> str:
    """Which files are compensated, in the word of `Processing`."""
    having = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is not None]
    without = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is None]
    found = "no matrix" if not having else "some" if without else "all"
    if like is None:
        if reading.compensate and without:
            raise InputError(
                f"compensation was asked for (--compensation), and {len(without)} of {len(opened.files)} files have no "
                f"spillover matrix ($SPILLOVER): {listed(without, 5)}. Leave the option out: files with a matrix are "
                "compensated anyway."
            )
        return "none" if reading.compensate is False else found
    if like.compensation == "all" and without:
        raise InputError(
            f"the model was fitted on files with spillover matrices; {len(without)} of {len(opened.files)} files have "
            f"none: {listed(without, 5)}. Export them with the matrix ($SPILLOVER)."
        )
    if like.compensation == "no matrix" and having:
        raise InputError(
            f"the model was fitted on files without spillover matrices; {len(having)} of {len(opened.files)} files "
            f"have one: {listed(having, 5)}. Export them as those were, or read them without (--no-compensation)."
        )
    return like.compensation or found


def _processing(opened: _Opened, names: Sequence[str], reading: Reading, like: Processing | None) -> Processing:
    """What is done to the events of all files."""
    compensation = _compensation(opened, reading, like)
    if like is not None:
        cofactors = {name: value for name, value in like.cofactors.items() if name in names}
        return Processing(compensation, cofactors)
    cofactor = reading.cofactor
    if cofactor is None:
        mass = [is_mass(file) for file in opened.files]
        if any(mass) and not all(mass):
            first = [opened.files[mass.index(kind)].path.name for kind in (True, False)]
            raise InputError(
                f"files of mass and of flow cytometry are mixed ({first[0]} and {first[1]}), which have different "
                "cofactors. Read them apart, or name one with --cofactor."
            )
        cofactor = MASS if all(mass) else FLOW
    amounts = [
        name for name, channel in zip(names, _first_channels(opened, names), strict=True) if cofactor and channel
    ]
    return Processing(compensation, dict.fromkeys(amounts, float(cofactor)))


def _first_channels(opened: _Opened, names: Sequence[str]) -> list[bool]:
    """Whether each feature is an amount of something (no scatter and no shape of a pulse), by either name."""
    file = opened.files[0]
    columns = check_have([file], names)[0]
    return [not (is_scatter(file.channels[n].name) or is_scatter(file.channels[n].label)) for n in columns]


def _notes(opened: _Opened, names: Sequence[str], columns: Sequence[Sequence[int]]) -> list[str]:
    """What people should know of how the files were read."""
    notes = []
    scatter = [name for name, amount in zip(names, _first_channels(opened, names), strict=True) if not amount]
    if scatter:
        others = [name for name in names if name not in scatter]
        advice = f" Without them: --features {quoted(others)}." if others else ""
        notes.append(f"scatter and shapes of pulses are kept, as they are: {listed(scatter)}.{advice}")
    without = [f.path.name for f, s in zip(opened.files, opened.spillovers, strict=True) if s is None]
    if 0 < len(without) < len(opened.files):
        notes.append(
            f"{len(without)} of {len(opened.files)} files have no spillover matrix and are not compensated, the others "
            f"are: {listed(without, 5)}. Differences between the two may come from that alone (--no-compensation)."
        )
    mixed = [
        f"{name} is {', '.join(f'{marker} ({file})' for marker, file in list(markers.items())[:3])}"
        for name, markers in mixed_markers(opened.files, names, columns).items()
    ]
    if mixed:
        notes.append(
            f"channels named by $PnN have other markers ($PnS) in other files: {'; '.join(mixed)}. Name the markers "
            "(--features), unless these are spellings of the same."
        )
    several = [file.path.name for file in opened.files if file.data_sets > 1]
    if several:
        notes.append(
            f"{counted(len(several), 'file')} with more than one data set, of which one is read (--data-set): "
            f"{listed(several, 5)}."
        )
    return notes


def _fill(
    elements: np.ndarray,
    opened: _Opened,
    columns: Sequence[Sequence[int]],
    names: Sequence[str],
    processing: Processing,
    *,
    strict: bool,
    keep_missing: bool,
    of_run: bool,
) -> None:
    """Copy the events of all files, some at a time."""
    sizes = [file.events for file in opened.files]
    place = offsets_of(np.array(sizes))
    scales = np.array([processing.cofactors.get(name, 0.0) for name in names])
    chosen = np.flatnonzero(scales)
    for position, (file, spillover) in enumerate(zip(opened.files, opened.spillovers, strict=True)):
        row = int(place[position])
        for events in file.read(_rows(file)):
            if spillover is not None:
                spillover.apply(events)
            values = events[:, columns[position]]
            with np.errstate(over="ignore"):
                values[:, chosen] = np.arcsinh(values[:, chosen] / scales[chosen])
                piece = values.astype(np.float32)
            if strict:
                _check(piece, names, file, row - int(place[position]), keep_missing=keep_missing, of_run=of_run)
            elements[row : row + len(piece)] = piece
            row += len(piece)


def _rows(file: FcsFile) -> int:
    """Events at a time: fewer where there are many channels."""
    return max(1 << 10, min(ROWS, (1 << 21) // len(file.channels)))


def _check(
    piece: np.ndarray, names: Sequence[str], file: FcsFile, first: int, *, keep_missing: bool, of_run: bool
) -> None:
    bad = np.isinf(piece) if keep_missing else ~np.isfinite(piece)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        masks = ", or mark what is missing (--missing mask)" if np.isnan(piece[row, column]) else ""
        others = "" if of_run else f", leave the channel out (--features){masks}"
        raise InputError(
            f"{file.path}: every value must be a finite number; {names[column]!r} is {piece[row, column]} in event "
            f"{first + int(row) + 1}. Drop such events{others}."
        )
