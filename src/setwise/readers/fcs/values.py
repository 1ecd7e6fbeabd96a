"""Decode events of an FCS file from bytes to numbers: floats, doubles, and integers of any width."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """The layout of one event in bytes.

    Attributes:
        kinds: of each channel, ``$DATATYPE`` or its own: "I" integers, "F" floats, "D" doubles.
        order: "<" the lowest byte first, ">" the highest.
        bits: of each channel; floats and doubles have 32 or 64.
        ranges: ``$PnR`` of each channel; bits of integers above it are none of the value.
    """

    kinds: tuple[str, ...]
    order: str
    bits: tuple[int, ...]
    ranges: tuple[float, ...]

    @cached_property
    def bits_of_event(self) -> int:
        """Return the bits of one event."""
        return sum(self.bits)

    def bytes_of(self, events: int) -> int:
        """Return the bytes of so many events."""
        return -(-events * self.bits_of_event // 8)

    def events_in(self, length: int) -> int:
        """Return the number of whole events in so many bytes."""
        return max(0, length) * 8 // self.bits_of_event


def decode(raw: bytes, layout: Layout, events: int) -> np.ndarray:
    """Decode the values ``(events, P)`` float64 of so many events."""
    if len(set(layout.bits)) == 1 and "I" not in layout.kinds:
        dtype = np.dtype(f"{layout.order}f{layout.bits[0] // 8}")
        return np.frombuffer(raw, dtype, events * len(layout.bits)).reshape(events, -1).astype(np.float64)
    if any(bits % 8 for bits in layout.bits):
        columns = _packed_bits(raw, layout, events)
    else:
        columns = _whole_bytes(raw, layout, events)
    values = np.empty((events, len(layout.bits)))
    for column, (kind, bits, highest) in enumerate(zip(layout.kinds, layout.bits, layout.ranges, strict=True)):
        mask = _mask(bits, highest) if kind == "I" else None
        values[:, column] = columns[column] if mask is None else columns[column] & mask
    return values


def _mask(bits: int, highest: float) -> np.uint64 | None:
    """Return the bits that matter: those below the power of two that the range reaches."""
    if not 1 < highest < 2.0**bits:
        return None
    return np.uint64((1 << (int(np.ceil(highest)) - 1).bit_length()) - 1)


def _whole_bytes(raw: bytes, layout: Layout, events: int) -> list[np.ndarray]:
    """Decode values of whole bytes, each channel in its own type."""
    widths = [bits // 8 for bits in layout.bits]
    rows = np.frombuffer(raw, np.uint8, events * sum(widths)).reshape(events, sum(widths))
    columns, place = [], 0
    for kind, width in zip(layout.kinds, widths, strict=True):
        piece = rows[:, place : place + width]
        place += width
        if kind != "I":
            columns.append(np.ascontiguousarray(piece).view(f"{layout.order}f{width}")[:, 0])
            continue
        value = np.zeros(events, np.uint64)
        for byte in range(width):
            shift = 8 * (byte if layout.order == "<" else width - 1 - byte)
            value |= piece[:, byte].astype(np.uint64) << np.uint64(shift)
        columns.append(value)
    return columns


def _packed_bits(raw: bytes, layout: Layout, events: int) -> list[np.ndarray]:
    """Decode values of widths that are no whole bytes, one after the other without gaps, the highest bit first."""
    flat = np.unpackbits(np.frombuffer(raw, np.uint8), count=events * layout.bits_of_event)
    rows = flat.reshape(events, layout.bits_of_event)
    columns, place = [], 0
    for bits in layout.bits:
        value = np.zeros(events, np.uint64)
        for bit in range(bits):
            value = (value << np.uint64(1)) | rows[:, place + bit]
        columns.append(value)
        place += bits
    return columns
