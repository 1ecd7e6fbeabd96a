"""Open an FCS file: read its HEADER and TEXT, mended where instruments are known to err, and its events.

Source: FCS 3.1 (Spidlen et al., Cytometry A 77A:97, 2010), the 2.0 and 3.0 standards that it replaces, and FCS 3.2
(Spidlen et al., Cytometry A 99A:100, 2021).
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from setwise._checks import EmptySetError, InputError, counted
from setwise.readers.fcs.data import find_data, layouts_of
from setwise.readers.fcs.text import parse_keywords, whole_number
from setwise.readers.fcs.values import Layout, decode
from setwise.store.tables import check_file, reading

ROWS = 1 << 16  # events read at a time
ADDED = "SETWISE_CHANNELS"  # keyword of copies: $PnN of the channels that were added, with commas between them
_HEADER = 58  # bytes
_MOST_CHANNELS = 10_000


@dataclass(frozen=True)
class Channel:
    """One parameter of an FCS file.

    Attributes:
        name: ``$PnN``, the detector; P1 and so on where there is none.
        label: ``$PnS``, the marker; empty where there is none.
        decades, lowest: ``$PnE``, of a logarithmic amplifier; 0 and 0 for a linear one.
        gain: ``$PnG``, of a linear amplifier.
        range: ``$PnR``, one more than the highest value.
        type: ``$PnTYPE`` of FCS 3.2, such as "Time" or "Side Scatter"; empty where there is none.
    """

    name: str
    label: str
    decades: float
    lowest: float
    gain: float
    range: float
    type: str = ""


@dataclass(frozen=True)
class FcsFile:
    """One data set of an FCS file; the events stay on the disk until they are read.

    Attributes:
        path: the file.
        version: "FCS3.1".
        keywords: of the TEXT segment, in capital letters.
        channels: P channels, in their order.
        events: number of events.
        begin: where the events begin in the file, in bytes.
        layout: how an event is stored.
        data_sets: how many data sets the file has.
        faults: what the file says of its events that is not so, a part of a sentence each.
    """

    path: Path
    version: str
    keywords: Mapping[str, str]
    channels: tuple[Channel, ...]
    events: int
    begin: int
    layout: Layout
    data_sets: int = 1
    faults: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[str, ...]:
        """Return ``$PnN`` of the channels that `copy_fcs` added: predictions and scores, measured by no instrument."""
        return tuple(self.keywords[ADDED].split(",")) if ADDED in self.keywords else ()

    def read(self, rows: int = ROWS, digest: "hashlib.blake2b | None" = None) -> Iterator[np.ndarray]:
        """Read the events ``(n, P)`` float64 on the scale of the instrument, at most so many at a time.

        Values of logarithmic amplifiers are ``lowest * 10 ** (decades * x / range)``, of linear ones ``x / gain``.

        Args:
            rows: most events at a time.
            digest: takes in the bytes of the events.

        Raises:
            InputError: the file ends before its last event, or cannot be read.
        """
        rows -= rows % 8  # so that every part of a bit-packed file begins with a byte
        with reading(self.path), self.path.open("rb") as file:
            file.seek(self.begin)
            for start in range(0, self.events, rows):
                count = min(rows, self.events - start)
                raw = file.read(self.layout.bytes_of(count))
                if len(raw) < self.layout.bytes_of(count):
                    raise InputError(f"{self.path} ends within event {start + 1:,} to {start + count:,}. Copy it anew.")
                if digest is not None:
                    digest.update(raw)
                yield self._scaled(decode(raw, self.layout, count))

    def first(self, count: int) -> np.ndarray:
        """Return the first events ``(n, P)``, at most so many, on the scale of the instrument.

        Raises:
            InputError: as `read`.
        """
        count = min(count, self.events)
        with reading(self.path), self.path.open("rb") as file:
            file.seek(self.begin)
            raw = file.read(self.layout.bytes_of(count))
        if len(raw) < self.layout.bytes_of(count):
            raise InputError(f"{self.path} ends within its first {count:,} events. Copy it anew.")
        return self._scaled(decode(raw, self.layout, count))

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        for column, (channel, kind) in enumerate(zip(self.channels, self.layout.kinds, strict=True)):
            if channel.decades > 0 and kind == "I":
                values[:, column] *= channel.decades / channel.range
                np.power(10.0, values[:, column], out=values[:, column])
                values[:, column] *= channel.lowest
            elif channel.gain != 1:
                values[:, column] /= channel.gain
        return values


def open_fcs(path: str | Path, *, data_set: int = 1, ignore_tot: bool = False) -> FcsFile:
    """Open one data set of an FCS file of version 2.0, 3.0, 3.1 or 3.2.

    Args:
        path: the file.
        data_set: which of its data sets, counted from 1.
        ignore_tot: take the events that the DATA segment holds, whatever ``$TOT`` says of their number.

    Raises:
        InputError: the file is not there, is no FCS file, is cut off, or holds what is not read, with the reason.
    """
    path = Path(path)
    check_file(path)
    with reading(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        begins = [0]
        found = None
        while True:
            version, offsets = _header(path, file, begins[-1], size)
            keywords = _keywords(path, file, begins[-1], offsets, size)
            if len(begins) == data_set:
                found = (version, keywords, offsets)
            following = begins[-1] + (whole_number(keywords.get("$NEXTDATA")) or 0)
            if following <= begins[-1] or following + _HEADER > size or len(begins) >= 1000:
                break
            file.seek(following)
            if file.read(3) != b"FCS":
                break
            begins.append(following)
        if found is None:
            raise InputError(f"{path} has {counted(len(begins), 'data set')}; there is no number {data_set}.")
        start, several = begins[data_set - 1], len(begins)
        return _assemble(path, file, *found, start, size, several, ignore_tot=ignore_tot)


def _header(path: Path, file, begin: int, size: int) -> tuple[str, list[int]]:
    """Read the version, and where TEXT, DATA and ANALYSIS begin and end, from the data set's first byte on."""
    file.seek(begin)
    header = file.read(_HEADER)
    if header[:3] != b"FCS":
        raise InputError(f"{path} is no FCS file: it begins with {header[:6]!r}, not with 'FCS'.")
    version = header[:6].decode("latin-1")
    if len(header) < _HEADER:
        raise InputError(f"{path} is cut off within its first {_HEADER} bytes. Copy it anew.")
    if version in ("FCS1.0", "FCS1"):
        raise InputError(f"{path} is of version {version}, which is not read; it must be 2.0 or newer. Convert it.")
    fields = [header[10 + 8 * n : 18 + 8 * n].decode("latin-1") for n in range(6)]
    offsets = [whole_number(field) or 0 for field in fields]
    if not 0 < offsets[0] < offsets[1] or begin + offsets[1] > size:
        raise InputError(
            f"{path} is damaged or cut off: its TEXT segment should lie from byte {fields[0].strip() or '?'} to "
            f"{fields[1].strip() or '?'} of {size - begin:,}. Copy it anew."
        )
    return version, offsets


def _keywords(path: Path, file, begin: int, offsets: list[int], size: int) -> dict[str, str]:
    def segment(first: int, last: int) -> bytes:
        file.seek(begin + first)
        return file.read(max(0, min(last - first + 1, size - begin - first)))

    keywords = parse_keywords(segment(offsets[0], offsets[1]))
    first, last = (whole_number(keywords.get(name)) or 0 for name in ("$BEGINSTEXT", "$ENDSTEXT"))
    if offsets[1] < first < last <= size - begin:
        keywords = parse_keywords(segment(first, last)) | keywords
    for name in ("$PAR", "$DATATYPE"):
        if name not in keywords:
            raise InputError(
                f"{path}: its TEXT segment must have the keyword {name}, and has {len(keywords)} others. "
                "Is the file complete?"
            )
    return keywords


def _assemble(
    path: Path,
    file: BinaryIO,
    version: str,
    keywords: dict[str, str],
    offsets: list[int],
    start: int,
    size: int,
    data_sets: int,
    *,
    ignore_tot: bool,
) -> FcsFile:
    mode = keywords.get("$MODE", "L").upper()
    if mode not in ("L", "LIST", ""):
        raise InputError(f"{path} holds histograms ($MODE is {mode!r}), not events. Export it in list mode.")
    count = whole_number(keywords["$PAR"])
    if not count or not 0 < count <= _MOST_CHANNELS:
        raise InputError(f"{path}: $PAR must be the number of channels; it is {keywords['$PAR']!r}.")
    channels = tuple(_channel(path, keywords, number) for number in range(1, count + 1))
    layouts = layouts_of(path, version, keywords, [channel.range for channel in channels])
    found = find_data(path, keywords, layouts, offsets, file, start, size - start, ignore_tot=ignore_tot)
    if not found.events:
        raise EmptySetError(f"{path} holds no events. Leave it out (--drop-empty).")
    faults = found.faults
    if 0 < size - start < (whole_number(keywords.get("$ENDSTEXT")) or 0):
        faults += ("its supplemental TEXT segment is not in the file, so that keywords may be missing",)
    return FcsFile(
        path, version, keywords, channels, found.events, start + found.begin, found.layout, data_sets, faults
    )


def _channel(path: Path, keywords: Mapping[str, str], number: int) -> Channel:
    amplifier = keywords.get(f"$P{number}E", "0,0").split(",")
    decades, lowest = (_number(part) or 0.0 for part in (*amplifier, "0")[:2])
    highest = _number(keywords.get(f"$P{number}R")) or 0.0
    if decades > 0 and not highest > 0:
        raise InputError(f"{path}: $P{number}R must be above zero for a logarithmic channel; it is {highest:g}.")
    if not 0 <= decades <= 30:
        raise InputError(f"{path}: $P{number}E must tell between 0 and 30 decades; it tells {decades:g}.")
    gain = _number(keywords.get(f"$P{number}G")) or 1.0
    return Channel(
        name=keywords.get(f"$P{number}N") or f"P{number}",
        label=keywords.get(f"$P{number}S", ""),
        decades=decades,
        lowest=lowest if lowest > 0 else 1.0,  # 4,0 is written where 4,1 is meant, says the standard
        gain=gain if gain > 0 else 1.0,
        range=highest,
        type=keywords.get(f"$P{number}TYPE", ""),
    )


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None
