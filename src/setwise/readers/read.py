"""Read sets from files and from memory, whatever their form, into a store."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from setwise._checks import InputError
from setwise.prepare.process import aside, process
from setwise.readers.dropped import without_dropped
from setwise.readers.measured import chosen, measured
from setwise.readers.merged import merged
from setwise.readers.names import has_default_names, is_amount
from setwise.readers.padding import unpadded
from setwise.readers.per_set import Dropped
from setwise.readers.reader import Reader
from setwise.readers.reading import Reading, as_fitted
from setwise.readers.registry import reader_of, refuse_options
from setwise.readers.request import ReadRequest
from setwise.store.processing import Processing
from setwise.store.scales import TOP, scales_for
from setwise.store.store import SetStore


def read(
    source: Any,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    features: Sequence[str] | None = None,
    store: str | Path | None = None,
    strict: bool = True,
    reading: Reading | None = None,
    like: Processing | None = None,
    labels: Sequence[str] = (),
    targets: Sequence[str] = (),
    needed: Sequence[str] = (),
) -> SetStore:
    """Read sets, check them, and return a store of them.

    Args:
        source: a path (the suffix tells the format), a folder or a pattern of files, a table that speaks Arrow, a
            list of arrays, a padded array with sizes as a pair, or a store, which is returned as it is.
        sets: the table of sets (path or table): one row per set with targets, covariates, ``group``, ``split``.
        set_id: the column that names the sets, in both tables.
        features: columns of the elements to use, in this order; by default every numeric one that does not look like a
            clock, a counter, or a property of the set. `SetStore.left_out` says which were left out, and why.
        store: where to keep the store on disk; a long table is then never held in memory.
        strict: false to read what can be read and keep the problems (`SetStore.description`), to inspect it.
        reading: how files are read; by default what suits them.
        like: what was done to the elements that a model was fitted on (`RunRecord.processing`), to be done again.
        labels: columns of the elements (of FCS files channels, of AnnData columns of ``obs``) that are no features and
            are kept beside them: what is to be predicted of each element (`SetStore.labels`).
        targets: columns of the sets, of which each set must have a value in one; others are left out where reading
            says so (``drop_unlabelled``).
        needed: columns of the sets, of which each set must have a value in all, likewise.

    Raises:
        InputError: what was given is at fault; the message says where and what to do.

    Example:
        >>> import numpy as np
        >>> read([np.ones((2, 3)), np.ones((5, 3))])
        SetStore(2 sets, 7 elements of shape (3,), in memory)
    """
    asked = Reading() if reading is None else reading
    reader = reader_of(source)
    refuse_options(reader, asked.given, source)
    if set_id in labels:
        raise InputError(f"{set_id!r} names the set of each element, and is no label of theirs. Name another column.")
    path = None if store is None else Path(store)
    request = ReadRequest.of(
        sets=sets,
        set_id=set_id,
        features=features,
        labels=tuple(labels),
        store=path,
        strict=strict,
        reading=asked if like is None else as_fitted(asked, like),
        like=like,
        drop=Dropped(asked.drop_unlabelled) if asked.drop_unlabelled or asked.drop_empty else None,
    )
    columns = (targets, needed)
    if not strict or not _is_left_to_do(reader, request):
        return _told(without_dropped(_read(reader, source, request), request, *columns), reader, request)
    target = None if path is None else aside(path)
    try:
        raw = _read(reader, source, replace(request, store=target, keep_missing=True))
        found = _process(without_dropped(raw, request, *columns), request)
    finally:
        if target is not None:
            target.unlink(missing_ok=True)
    return _told(found, reader, request)


def _told(store: SetStore, reader: Reader, request: ReadRequest) -> SetStore:
    """Return the store with classes merged, and what was asked of reading, for runs to read new data alike."""
    if reader.options:
        choices = {name: getattr(request.reading, name) for name in request.reading.given}
        found = {**store.description.choices, **choices}
        store = store.with_description(replace(store.description, set_id=request.set_id, choices=found))
    merges = request.reading.merge_classes
    return merged(store, merges, strict=request.like is None) if merges else store


def _read(reader: Reader, source: Any, request: ReadRequest) -> SetStore:
    """Read a source, without features that are no measurement where its reader does not tell them itself."""
    features = request.features
    picks = (
        bool(features) and bool(reader.options) and has_default_names(features or ()) and not reader.has_names(source)
    )
    found = reader.read(source, replace(request, features=None) if picks else request)
    found = found if "padding" in reader.applies else unpadded(found, request)
    if picks:
        return chosen(found, features or ())
    return found if "order" in reader.applies or request.like is not None else measured(found, request)


def _is_left_to_do(reader: Reader, request: ReadRequest) -> bool:
    """Return whether elements need a second pass, which is known before they are read."""
    like = request.like
    reading = request.reading
    scaled = bool(reading.cofactor) or bool(reading.transform)
    scaled |= like is not None and bool(like.cofactors or like.scales)
    masked = reading.missing == "mask"
    return (scaled and "cofactor" not in reader.applies) or (masked and "missing" not in reader.applies)


def _process(store: SetStore, request: ReadRequest) -> SetStore:
    """Return the store after arcsinh and with masks, as its reader does not do them itself."""
    before, like, asked = store.description.processing, request.like, request.reading
    done = {*before.cofactors, *before.scales}
    cofactors, scales = {}, {}
    if like is not None:
        cofactors = {name: x for name, x in like.cofactors.items() if name in store.features and name not in done}
        scales = {name: text for name, text in like.scales.items() if name in store.features and name not in done}
    elif not done:
        cofactors, scales = scales_for(
            [(name,) for name in store.features],
            cofactor=asked.cofactor,
            transform=asked.transform,
            amounts=[is_amount(name) for name in store.features],
            usual=None,
            tops=[TOP] * len(store.features),
        )
    fitted = None if like is None else like.fills
    return process(store, cofactors=cofactors, scales=scales, fitted=fitted, path=request.store)
