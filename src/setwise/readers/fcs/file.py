"""Open an FCS file: read its HEADER and TEXT, mended where instruments are known to err, and its events.

Source: FCS 3.1 (Spidlen et al., Cytometry A 77A:97, 2010), and the 2.0 and 3.0 standards that it replaces.
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise.readers.fcs.text import parse_keywords
from setwise.readers.fcs.values import Layout, decode
from setwise.store.tables import check_file, reading

ROWS = 1 << 16  # events read at a time
ADDED = "SETWISE_CHANNELS"  # keyword of copies: $PnN of the channels that were added, with commas between them
_HEADER = 58  # bytes
_MOST_CHANNELS = 10_000
_ORDERS = {"1,2,3,4": "<", "1,2": "<", "4,3,2,1": ">", "2,1": ">", "1,2,3,4,5,6,7,8": "<", "8,7,6,5,4,3,2,1": ">"}


@dataclass(frozen=True)
class Channel:
    """One parameter of an FCS file.

    Attributes:
        name: ``$PnN``, the detector; P1 and so on where there is none.
        label: ``$PnS``, the marker; empty where there is none.
        decades, lowest: ``$PnE``, of a logarithmic amplifier; 0 and 0 for a linear one.
        gain: ``$PnG``, of a linear amplifier.
        range: ``$PnR``, one more than the highest value.
    """

    name: str
    label: str
    decades: float
    lowest: float
    gain: float
    range: float


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
    """

    path: Path
    version: str
    keywords: Mapping[str, str]
    channels: tuple[Channel, ...]
    events: int
    begin: int
    layout: Layout
    data_sets: int = 1

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

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        for column, channel in enumerate(self.channels):
            if channel.decades > 0 and self.layout.kind == "I":
                values[:, column] *= channel.decades / channel.range
                np.power(10.0, values[:, column], out=values[:, column])
                values[:, column] *= channel.lowest
            elif channel.gain != 1:
                values[:, column] /= channel.gain
        return values


def open_fcs(path: str | Path, *, data_set: int = 1) -> FcsFile:
    """Open one data set of an FCS file of version 2.0, 3.0, 3.1 or later.

    Args:
        path: the file.
        data_set: which of its data sets, counted from 1.

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
                found = (version, offsets, keywords)
            following = begins[-1] + (_whole(keywords.get("$NEXTDATA")) or 0)
            if following <= begins[-1] or following + _HEADER > size or len(begins) >= 1000:
                break
            file.seek(following)
            if file.read(3) != b"FCS":
                break
            begins.append(following)
    if found is None:
        raise InputError(f"{path} has {len(begins)} data set{'s' * (len(begins) > 1)}; there is no number {data_set}.")
    version, offsets, keywords = found
    return _assemble(path, version, keywords, offsets, begins[data_set - 1], size, len(begins))


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
    offsets = [_whole(field) or 0 for field in fields]
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
    first, last = (_whole(keywords.get(name)) or 0 for name in ("$BEGINSTEXT", "$ENDSTEXT"))
    if 0 < first < last < size - begin and first > offsets[1]:
        keywords = parse_keywords(segment(first, last)) | keywords
    for name in ("$PAR", "$DATATYPE"):
        if name not in keywords:
            raise InputError(
                f"{path}: its TEXT segment must have the keyword {name}, and has {len(keywords)} others. "
                "Is the file complete?"
            )
    return keywords


def _assemble(
    path: Path, version: str, keywords: dict[str, str], offsets: list[int], start: int, size: int, data_sets: int
) -> FcsFile:
    mode = keywords.get("$MODE", "L").upper()
    if mode != "L":
        raise InputError(f"{path} holds histograms ($MODE is {mode!r}), not events. Export it in list mode.")
    count = _whole(keywords["$PAR"])
    if not count or not 0 < count <= _MOST_CHANNELS:
        raise InputError(f"{path}: $PAR must be the number of channels; it is {keywords['$PAR']!r}.")
    channels = tuple(_channel(path, keywords, number) for number in range(1, count + 1))
    kind = keywords["$DATATYPE"].upper()
    if kind not in ("I", "F", "D"):
        raise InputError(
            f"{path}: $DATATYPE must be I, F or D (integers, floats, doubles); it is {keywords['$DATATYPE']!r}. "
            "Export the file anew as FCS 3.1."
        )
    bits = _bits(path, keywords, kind, count)
    ranges = tuple(channel.range for channel in channels)
    order = _order(path, keywords, bits)
    layouts = [Layout(kind, order, bits, ranges)]
    if kind == "I":  # some instruments tell the bits that matter, and store whole words of 8, 16, 32 or 64
        layouts.append(Layout(kind, order, tuple(max(8, 1 << math.ceil(math.log2(b))) for b in bits), ranges))
    total = _whole(keywords.get("$TOT"))
    if "$TOT" in keywords and total is None:
        raise InputError(f"{path}: $TOT must be the number of events; it is {keywords['$TOT']!r}.")
    begin, layout, events = _find_data(path, keywords, offsets, layouts, total, size - start)
    if not events:
        raise InputError(f"{path} holds no events. Leave it out.")
    return FcsFile(path, version, keywords, channels, events, start + begin, layout, data_sets)


def _find_data(
    path: Path,
    keywords: Mapping[str, str],
    offsets: list[int],
    layouts: list[Layout],
    total: int | None,
    size: int,
) -> tuple[int, Layout, int]:
    """Find the events: where they begin, how they are stored, and how many there are.

    HEADER and TEXT may disagree. The one whose length is that of the events is right; one that lies in the TEXT
    segment is wrong; lengths too large by one come from ends that point behind the last byte.
    """
    texts = [_whole(keywords.get(name)) or 0 for name in ("$BEGINDATA", "$ENDDATA")]
    places = [(b, e) for b, e in (texts, offsets[2:4]) if b > 0 and not offsets[0] <= b <= offsets[1]]
    if not places:
        raise InputError(f"{path} does not say where its events are (HEADER {offsets[2]}, TEXT {texts[0]}).")
    options: list[tuple[int, int, Layout, int]] = []
    for begin, end in places:
        for layout in layouts:
            length = min(end + 1, size) - begin
            events = layout.events_in(length) if total is None else total
            needed = layout.bytes_of(events)
            if begin + needed <= size:
                misfit = {0: 0, 1: 1}.get(end + 1 - begin - needed, 2)
                options.append((misfit, begin, layout, events))
    if not options:
        begin = places[0][0]
        holds = max(0, layouts[0].events_in(size - begin))
        raise InputError(
            f"{path} is cut off: it should hold {total or 0:,} events, and has room for {holds:,}. Copy it anew."
        )
    _, begin, layout, events = min(options, key=lambda option: option[0])
    return begin, layout, events


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
    )


def _bits(path: Path, keywords: Mapping[str, str], kind: str, count: int) -> tuple[int, ...]:
    if kind in ("F", "D"):
        return (32 if kind == "F" else 64,) * count
    bits = []
    for number in range(1, count + 1):
        found = _whole(keywords.get(f"$P{number}B"))
        if found is None or not 0 < found <= 64:
            raise InputError(
                f"{path}: $P{number}B must be a number of bits from 1 to 64; it is {keywords.get(f'$P{number}B')!r}."
            )
        bits.append(found)
    return tuple(bits)


def _order(path: Path, keywords: Mapping[str, str], bits: tuple[int, ...]) -> str:
    text = keywords.get("$BYTEORD", "").replace(" ", "")
    if text in _ORDERS:
        return _ORDERS[text]
    digits = text.split(",")
    if digits == sorted(digits) and text[:1] == "1":
        return "<"
    if digits == sorted(digits, reverse=True) and text[-1:] == "1":
        return ">"
    if all(b == 8 for b in bits):
        return "<"
    raise InputError(f"{path}: $BYTEORD must be 1,2,3,4 or 4,3,2,1; it is {text!r}, which is not read.")


def _whole(text: str | None) -> int | None:
    """Return a whole number from zero, where a text is one."""
    text = (text or "").strip().strip("\x00")
    return int(text) if text.isascii() and text.isdigit() and len(text.lstrip("0")) < 19 else None


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None
