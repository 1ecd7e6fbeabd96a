"""Write FCS files: version 3.1, floats, one data set, whole or not at all."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from setwise._checks import InputError
from setwise._files import atomic_write
from setwise.readers.fcs.file import ADDED, FcsFile

_OURS = re.compile(
    r"\$(PAR|TOT|MODE|DATATYPE|BYTEORD|NEXTDATA|P\d+.*|(BEGIN|END)(DATA|STEXT|ANALYSIS)|UNICODE|CRC)$|P\d+(N|S|B|R|E|G).*$"
)
_LONGEST = 99_999_999  # what fits the HEADER; beyond it, TEXT alone says where the events are


def write_fcs(
    path: str | Path,
    events: ArrayLike | Iterable[ArrayLike],
    names: Sequence[str],
    *,
    total: int | None = None,
    labels: Sequence[str] | None = None,
    ranges: Sequence[float] | None = None,
    keywords: Mapping[str, str] | None = None,
) -> Path:
    """Write events as an FCS 3.1 file of 32-bit floats.

    Args:
        path: the new file; one that is there is replaced.
        events: ``(n, P)``, or such arrays one after the other where not all fit into memory.
        names: ``$PnN`` of the P channels: distinct, without commas.
        total: the number of events, where they come as several arrays.
        labels: ``$PnS`` of the channels; by default none.
        ranges: ``$PnR`` of the channels; by default 262144.
        keywords: more keywords, such as those of an original file; those that tell how the data are laid out are ours.

    Raises:
        InputError: names that are not distinct, empty or hold commas, or arrays of other shapes.

    Source: FCS 3.1 (Spidlen et al., Cytometry A 77A:97, 2010).
    """
    path = Path(path)
    pieces: Iterable[Any] = cast(Iterable[Any], events)
    if total is None:
        whole = np.asarray(events)
        pieces, total = [whole], len(whole)
    _check_names(names)
    text = _keywords(names, labels, ranges, keywords or {})
    segment, begin = _text(text, total, 4 * total * len(names))
    end = begin + 4 * total * len(names) - 1
    fits = end <= _LONGEST
    offsets = (58, 58 + len(segment) - 1, begin if fits else 0, end if fits else 0, 0, 0)
    written = 0
    with atomic_write(path) as aside, aside.open("wb") as file:
        file.write(b"FCS3.1    " + b"".join(f"{offset:>8}".encode() for offset in offsets))
        file.write(segment)
        for piece in pieces:
            values = np.ascontiguousarray(piece, dtype="<f4")
            if values.ndim != 2 or values.shape[1] != len(names):
                raise InputError(f"events must have shape (n, {len(names)}), a column per name; got {values.shape}.")
            written += len(values)
            file.write(values.tobytes())
        if written != total:
            raise InputError(f"there must be {total:,} events, as was said; got {written:,}.")
        file.write(b"00000000")  # no checksum
        file.flush()
    return path


def copy_fcs(
    original: FcsFile,
    path: str | Path,
    added: Mapping[str, ArrayLike],
    *,
    keywords: Mapping[str, str] | None = None,
) -> Path:
    """Copy an FCS file with channels added, such as a score of each event.

    The events are those of the file on its scale, not compensated; keywords (the spillover matrix among them) are kept.
    The keyword ``SETWISE_CHANNELS`` names the new channels, which are no features unless they are named.

    Args:
        original: the file, opened.
        path: the new file; one that is there is replaced.
        added: names of the new channels with their values ``(n,)``, one per event.
        keywords: more keywords, in capital letters.

    Raises:
        InputError: a channel that is there already, or values that are not one per event.
    """
    columns = {name: np.asarray(values, np.float32) for name, values in added.items()}
    for name, values in columns.items():
        if values.shape != (original.events,):
            raise InputError(f"{name!r} must have a value for each of {original.events:,} events; got {values.shape}.")
    if Path(path).resolve() == original.path.resolve():
        raise InputError(f"{path} is the original. Name another file for the copy.")

    def pieces() -> Iterable[np.ndarray]:
        row = 0
        for events in original.read():
            more = [values[row : row + len(events), None] for values in columns.values()]
            row += len(events)
            yield np.hstack([events, *more])

    channels = original.channels
    own = [channel.name.replace(",", ";") for channel in channels]
    names = [f"{name} [{n}]" if own.count(name) > 1 else name for n, name in enumerate(own, 1)]
    return write_fcs(
        path,
        pieces(),
        [*names, *columns],
        total=original.events,
        labels=[*(channel.label for channel in channels), *("" for _ in columns)],
        ranges=[*(max(channel.range, 1.0) for channel in channels), *(_range(v) for v in columns.values())],
        keywords={**original.keywords, **(keywords or {}), ADDED: ",".join([*original.added, *columns])},
    )


def _range(values: np.ndarray) -> float:
    return float(np.ceil(max(1.0, np.nanmax(values, initial=1.0))))


def _check_names(names: Sequence[str]) -> None:
    if not names or len(set(names)) < len(names) or any(not name or "," in name for name in names):
        raise InputError(f"names of channels must be distinct, not empty and without commas; got {list(names)}.")


def _keywords(
    names: Sequence[str],
    labels: Sequence[str] | None,
    ranges: Sequence[float] | None,
    more: Mapping[str, str],
) -> dict[str, str]:
    text = {"$MODE": "L", "$DATATYPE": "F", "$BYTEORD": "1,2,3,4", "$NEXTDATA": "0", "$PAR": str(len(names))}
    for number, name in enumerate(names, 1):
        highest = 262144.0 if ranges is None else ranges[number - 1]
        text |= {f"$P{number}B": "32", f"$P{number}E": "0,0", f"$P{number}N": name, f"$P{number}R": f"{highest:.0f}"}
        if labels is not None and labels[number - 1]:
            text[f"$P{number}S"] = labels[number - 1]
    kept = {name: value for name, value in more.items() if not _OURS.match(name.upper()) and value}
    return text | {"$BEGINSTEXT": "0", "$ENDSTEXT": "0", "$BEGINANALYSIS": "0", "$ENDANALYSIS": "0"} | kept


def _text(keywords: Mapping[str, str], total: int, length: int) -> tuple[bytes, int]:
    """Return the TEXT segment, and where the events begin behind it."""
    width = max(12, len(str(length)) + 2)

    def build(begin: int) -> bytes:
        places = {"$TOT": str(total), "$BEGINDATA": f"{begin:0{width}d}", "$ENDDATA": f"{begin + length - 1:0{width}d}"}
        pairs = "".join(f"|{name}|{value.replace('|', '||')}" for name, value in {**places, **keywords}.items())
        return f"{pairs}|".encode()

    begin = 58 + len(build(0))
    return build(begin), begin
