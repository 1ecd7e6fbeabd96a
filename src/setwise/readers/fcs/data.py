"""Find the events of an FCS file: where they lie, how they are stored, and how many there are.

HEADER, TEXT and ``$TOT`` may contradict each other. A DATA segment whose length is not that of the events is read only
where it is clear what is meant, and is told of in every case.
Source: FCS 3.1 (Spidlen et al., Cytometry A 77A:97, 2010), section 3.3; FCS 3.2 (Spidlen et al., 99A:100, 2021).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from setwise._checks import EmptySetError, InputError, counted
from setwise.readers.fcs.text import whole_number
from setwise.readers.fcs.values import Layout

_HARMLESS = (0, 1)  # bytes behind the last event: some instruments let the end point behind the last byte
_CHECKSUM = 8  # bytes that may follow the last segment
_WIDTHS = {"F": 32, "D": 64}
_TAKE = "take the events that are there (--ignore-tot)"


@dataclass(frozen=True)
class Data:
    """The events of a data set.

    Attributes:
        begin: its first byte, from the first byte of the data set.
        layout: how an event is stored.
        events: how many there are.
        faults: what the file says of them that is not so, a part of a sentence each.
    """

    begin: int
    layout: Layout
    events: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Choice:
    """A way to read the DATA segment: between which bytes, in which layout, with what is to be said of it."""

    begin: int
    end: int  # the last byte, as the file says; below begin where it says none
    layout: Layout
    faults: tuple[str, ...]

    @property
    def has_end(self) -> bool:
        """Return whether the file says where the segment ends."""
        return self.end > self.begin

    def there(self, size: int) -> int:
        """Return how many bytes of the segment are in the file."""
        return (min(self.end + 1, size) if self.has_end else size) - self.begin

    def held(self, size: int) -> int:
        """Return how many whole events are in the file."""
        return self.layout.events_in(self.there(size))

    def is_even(self, size: int) -> bool:
        """Return whether the segment holds whole events and nothing else."""
        return self.there(size) - self.layout.bytes_of(self.held(size)) in _HARMLESS

    def found(self, events: int, *faults: str) -> Data:
        """Return so many of its events."""
        return Data(self.begin, self.layout, events, (*self.faults, *faults))


def find_data(
    path: Path,
    keywords: Mapping[str, str],
    layouts: Sequence[tuple[Layout, tuple[str, ...]]],
    offsets: Sequence[int],
    file: BinaryIO,
    start: int,
    size: int,
    *,
    ignore_tot: bool,
) -> Data:
    """Find the events of one data set.

    The segment whose length is that of the events is right, of those that HEADER and TEXT name; one that lies in the
    TEXT segment is wrong.

    Args:
        path: for errors.
        keywords: of the TEXT segment.
        layouts: in which events may be stored, the likeliest first, with what is to be said where one is found.
        offsets: of TEXT, DATA and ANALYSIS, first and last byte, from the HEADER.
        file: the file.
        start: first byte of the data set in the file.
        size: bytes of the data set, to the end of the file.
        ignore_tot: take the events that are there, whatever ``$TOT`` says.

    Raises:
        InputError: no events where the file says, fewer than it says, or several ways to read them.
    """
    total = whole_number(keywords.get("$TOT"))
    if keywords.get("$TOT") and total is None and not ignore_tot:
        raise InputError(f"{path}: $TOT must be the number of events; it is {keywords['$TOT']!r}. Else {_TAKE}.")
    texts = [whole_number(keywords.get(name)) or 0 for name in ("$BEGINDATA", "$ENDDATA")]
    named = dict.fromkeys(
        (b, e) for b, e in (texts, offsets[2:4]) if 0 < b < size and not offsets[0] <= b <= offsets[1]
    )
    choices = [_Choice(begin, end, layout, faults) for begin, end in named for layout, faults in layouts]
    if not choices:
        return _behind_text(path, layouts, offsets, texts, total, size)
    if ignore_tot or total is None:
        return _all_there(choices, total, size)
    return (
        _fitting(choices, total, size)
        or _more(path, choices, total, file, start, size)
        or _less(path, choices, total, size)
    )


def _behind_text(
    path: Path,
    layouts: Sequence[tuple[Layout, tuple[str, ...]]],
    offsets: Sequence[int],
    texts: Sequence[int],
    total: int | None,
    size: int,
) -> Data:
    """Return the events behind the TEXT segment, where nothing says where they are and they fill the file."""
    begin = offsets[1] + 1
    for layout, faults in layouts if total else ():
        if size - begin - layout.bytes_of(total or 0) in (*_HARMLESS, _CHECKSUM):
            told = "it does not say where its events are; those behind its TEXT segment are as many as $TOT says"
            return Data(begin, layout, total or 0, (*faults, told))
    raise InputError(
        f"{path} does not say where its events are (HEADER {offsets[2]}, TEXT {texts[0]}), and they do not fill the "
        "file behind its TEXT segment. Export it anew."
    )


def _all_there(choices: Sequence[_Choice], total: int | None, size: int) -> Data:
    """Return all events of the segment, of which nothing else tells the number."""
    chosen = next((choice for choice in choices if choice.is_even(size)), choices[0])
    events, faults = chosen.held(size), []
    if total is not None and total != events:
        faults.append(f"$TOT says {counted(total, 'event')}; the {events:,} that its DATA segment holds are read")
    if not chosen.is_even(size):
        rest = chosen.there(size) - chosen.layout.bytes_of(events)
        faults.append(f"{rest} bytes at the end of its DATA segment are no whole event, and are not read")
    return chosen.found(events, *faults)


def _fitting(choices: Sequence[_Choice], total: int, size: int) -> Data | None:
    """Return the events where they are as many as ``$TOT`` says, by the segment's or else by the file's end."""
    for spare in _HARMLESS:
        for choice in choices:
            needed = choice.layout.bytes_of(total)
            if total and choice.end + 1 - choice.begin - needed == spare and choice.begin + needed <= size:
                return choice.found(total)
    for choice in choices if total else ():
        needed = choice.layout.bytes_of(total)
        room, short = size - choice.begin - needed, needed - (choice.end + 1 - choice.begin)
        if not choice.has_end and room >= 0:
            return choice.found(total, "it does not say where its events end; as many as $TOT says are read")
        if short > 0 and room in (*_HARMLESS, _CHECKSUM):
            return choice.found(total, f"its events end with the file, not at byte {choice.end:,} as it says")
        if 0 < short < choice.layout.bytes_of(1) and room >= 0:
            return choice.found(total, f"its DATA segment ends {counted(short, 'byte')} too early; all events are read")
    return None


def _more(path: Path, choices: Sequence[_Choice], total: int, file: BinaryIO, start: int, size: int) -> Data | None:
    """Return the events of a segment that is longer than ``$TOT`` says: all where they fill it, else as many as that.

    Raises:
        InputError: they fill it in several layouts.
    """
    longer = [choice for choice in choices if choice.there(size) > choice.layout.bytes_of(total)]
    if not longer:
        return None
    filled = [
        choice
        for choice in longer
        if choice.there(size) == choice.layout.bytes_of(choice.held(size))
        and not _is_padding(file, start + choice.begin + choice.layout.bytes_of(total), choice, start, size)
    ]
    if len({choice.layout for choice in filled}) > 1:
        raise InputError(
            f"{path}: $TOT says {counted(total, 'event')}, and its DATA segment is longer; it may hold "
            f"{' or '.join(f'{choice.held(size):,}' for choice in filled)}, by the types and widths of its channels "
            "($DATATYPE, $PnB). Export it anew."
        )
    if filled:
        events = filled[0].held(size)
        return filled[0].found(
            events, f"$TOT says {counted(total, 'event')}, and its DATA segment holds {events:,}, all of which are read"
        )
    if not total:
        raise EmptySetError(f"{path} holds no events. Leave it out (--drop-empty).")
    rest = longer[0].there(size) - longer[0].layout.bytes_of(total)
    return longer[0].found(
        total, f"{rest:,} bytes of its DATA segment behind the {total:,} events that $TOT tells are not read"
    )


def _is_padding(file: BinaryIO, place: int, choice: _Choice, start: int, size: int) -> bool:
    """Return whether what follows the events that ``$TOT`` tells is empty, or a checksum, and no event."""
    rest = start + choice.begin + choice.there(size) - place
    file.seek(place)
    while rest > 0:
        piece = file.read(min(rest, 1 << 20))
        if not piece:
            return True
        if piece.strip(b"\0 ") and not (rest <= _CHECKSUM and not piece.strip(b"0\0 ")):
            return False
        rest -= len(piece)
    return True


def _less(path: Path, choices: Sequence[_Choice], total: int, size: int) -> Data:
    """Refuse a segment that is shorter than ``$TOT`` says."""
    first = choices[0]
    held = first.held(size)
    if not total:
        raise EmptySetError(f"{path} holds no events. Leave it out (--drop-empty).")
    advice = f"or {_TAKE}" if held else "or leave it out"
    if first.end + 1 > size:
        raise InputError(
            f"{path} is cut off: it should hold {total:,} events, and has room for {held:,}. Copy it anew, {advice}."
        )
    raise InputError(
        f"{path}: $TOT says {counted(total, 'event')}, and its DATA segment (bytes {first.begin:,} to {first.end:,}) "
        f"holds {held:,}. Export it anew, {advice}."
    )


def layouts_of(
    path: Path, version: str, keywords: Mapping[str, str], ranges: Sequence[float]
) -> list[tuple[Layout, tuple[str, ...]]]:
    """Return the layouts in which events may be stored, the likeliest first, with what is to be said of each.

    FCS 3.2 gives single channels a data type of their own (``$PnDATATYPE``), which older versions do not know.
    Floats have 32 bits and doubles 64, whatever ``$PnB`` says, unless only that fits. Some instruments tell the bits
    of integers that matter, and store whole words of 8, 16, 32 or 64.

    Raises:
        InputError: types, widths or an order of bytes that are not read.
    """
    count = len(ranges)
    kind = keywords["$DATATYPE"].upper()
    own = [(keywords.get(f"$P{n}DATATYPE") or kind).upper() for n in range(1, count + 1)]
    for name, found in [("$DATATYPE", kind), *((f"$P{n}DATATYPE", found) for n, found in enumerate(own, 1))]:
        if found not in ("I", "F", "D"):
            raise InputError(
                f"{path}: {name} must be I, F or D (integers, floats, doubles); it is {found!r}. "
                "Export the file anew as FCS 3.1."
            )
    plain = [kind] * count
    differ = [f"$P{n}DATATYPE" for n, found in enumerate(own, 1) if found != kind]
    ways: list[tuple[list[str], tuple[str, ...]]] = [(own, ()), (plain, (_told(differ, "not followed"),))]
    if not differ:
        ways = ways[:1]
    elif version < "FCS3.2":
        ways = [
            (plain, (_told(differ, f"not followed, since {version} has no such keyword"),)),
            (own, (_told(differ, "followed"),)),
        ]
    layouts: dict[Layout, tuple[str, ...]] = {}
    for kinds, faults in ways:
        for layout, more in _with_widths(path, keywords, kinds, ranges):
            layouts.setdefault(layout, (*faults, *more))
    return list(layouts.items())


def _told(names: Sequence[str], what: str) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'} {what}"


def _with_widths(
    path: Path, keywords: Mapping[str, str], kinds: Sequence[str], ranges: Sequence[float]
) -> list[tuple[Layout, tuple[str, ...]]]:
    """Return layouts of channels of some kinds, of the widths that they may have."""
    said = [whole_number(keywords.get(f"$P{n}B")) for n in range(1, len(kinds) + 1)]
    for n, (kind, bits) in enumerate(zip(kinds, said, strict=True), 1):
        if kind == "I" and (bits is None or not 0 < bits <= 64):
            raise InputError(
                f"{path}: $P{n}B must be a number of bits from 1 to 64; it is {keywords.get(f'$P{n}B')!r}."
            )
    bits = tuple(_WIDTHS.get(kind) or b or 0 for kind, b in zip(kinds, said, strict=True))
    order = _order(path, keywords, bits)
    first = Layout(tuple(kinds), order, bits, tuple(ranges))
    words = tuple(max(8, 1 << math.ceil(math.log2(b))) for b in bits)
    by_width = tuple(b if kind == "I" or b in _WIDTHS.values() else 0 for kind, b in zip(kinds, said, strict=True))
    found: list[tuple[Layout, tuple[str, ...]]] = []
    if "I" not in kinds or len(set(kinds)) == 1 or not any(b % 8 for b in bits):  # bits that share bytes are integers
        found.append((first, ()))
    if words != bits:
        found.append((replace(first, bits=words), ()))
    if all(by_width) and by_width != bits and not any(b % 8 for b in by_width if b):
        odd = [f"$P{n}B" for n, (a, b) in enumerate(zip(bits, by_width, strict=True), 1) if a != b]
        told = f"{_told(odd, 'followed')}, which the type of the channel contradicts"
        found.append((replace(first, bits=tuple(b or 0 for b in by_width)), (told,)))
    return found


def _order(path: Path, keywords: Mapping[str, str], bits: Sequence[int]) -> str:
    """Return the order of bytes: "<" the lowest first, ">" the highest."""
    text = keywords.get("$BYTEORD", "")
    digits = [character for character in text if character.isdigit()]
    if digits and not text.strip("0123456789, ;\t"):
        ascending = [str(n) for n in range(1, len(digits) + 1)]
        if digits == ascending:
            return "<"
        if digits == ascending[::-1]:
            return ">"
    if all(b == 8 for b in bits):
        return "<"
    raise InputError(f"{path}: $BYTEORD must be 1,2,3,4 or 4,3,2,1; it is {text!r}, which is not read.")
