"""Name sets by strings, the same whichever type a file gave them."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.store.kinds import trimmed

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_EXACT = {16: 2**11, 32: 2**24, 64: 2**53}  # bits of floats, and from where on whole numbers are no longer told apart
_WHOLE = re.compile(r"-?\d+(\.0*)?")


def dictionary_of(values: pa.Array) -> pa.DictionaryArray:
    """Return the distinct values of a column, and for each row the position of its value."""
    if isinstance(values, pa.DictionaryArray):
        return values
    return pc.dictionary_encode(values)


def texts(values: pa.Array, *, column: str, where: str) -> list[str]:
    """Return values as strings: 7 and 7.0 are "7", text is itself without white space around it.

    Raises:
        InputError: values of a kind that names nothing (lists, structures), NaN, or floats too large to tell whole
            numbers apart.
    """
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.to_pylist()
        if any(x is None or x != x for x in numbers):
            raise InputError(f"{where}: every row must name its set; column {column!r} holds NaN.")
        if large := [x for x in numbers if abs(x) >= _EXACT[kind.bit_width]]:
            raise InputError(
                f"{where}: column {column!r} must name sets by text or whole numbers; it holds {kind}, which from "
                f"{_EXACT[kind.bit_width]} on rounds different numbers to one, such as {large[0]:.0f}. Store the names "
                "as text or as integers."
            )
        return [number_text(x) for x in numbers]
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InputError(f"{where}: column {column!r} must hold text or numbers to name sets; got {kind}.")
    return trimmed(values).to_pylist()


def number_text(x: float) -> str:
    """Return a number as a name, each by itself: 7.0 is "7", whatever others there are."""
    return str(int(x)) if x.is_integer() else repr(x)


def unify(ids: Sequence[str], where: str) -> list[str]:
    """Write names all of which are whole numbers, "1" or "1.0", as "1"; leave others as they are.

    Raises:
        InputError: two names that become one.
    """
    if not all(_WHOLE.fullmatch(name) for name in ids) or not any("." in name for name in ids):
        return list(ids)
    unified = [name.partition(".")[0] for name in ids]
    first: dict[str, str] = {}
    for old, new in zip(ids, unified, strict=True):
        if first.setdefault(new, old) != old:
            raise InputError(
                f"{where}: sets {first[new]!r} and {old!r} differ only in how a number is written. "
                "Write every name of a set alike."
            )
    return unified


class SetCodes:
    """Numbers of the sets in the order in which they appear, batch by batch of rows."""

    def __init__(self, *, column: str, where: str):
        self.column = column
        self.where = where
        self.codes: dict[str, int] = {}

    def encode(self, values: pa.Array, first_row: int) -> np.ndarray:
        """Return the number of the set of each row ``(n,)`` int64; rows are counted from 1 in errors.

        Raises:
            InputError: a row that names no set.
        """
        encoded = dictionary_of(values)
        self._check_named(encoded.indices, encoded.indices.is_null(), first_row)
        positions = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        names = self._names(encoded.dictionary, positions)
        known = np.array([-1 if name is None else self.codes.get(name, -1) for name in names], np.int64)
        codes = known[positions]
        if (codes < 0).any():
            fresh, first = np.unique(positions[codes < 0], return_index=True)
            for position in fresh[np.argsort(first)]:
                name = names[position]
                if not name or name.isspace():
                    self._refuse(first_row + int((positions == position).argmax()))
                known[position] = self.codes.setdefault(name, len(self.codes))
            codes = known[positions]
        return codes

    def _names(self, dictionary: pa.Array, positions: np.ndarray) -> list[str | None]:
        if len(dictionary) <= 2 * len(positions):
            return list(texts(dictionary, column=self.column, where=self.where))
        used = np.unique(positions)  # a dictionary shared by many batches
        names: list[str | None] = [None] * len(dictionary)
        for position, name in zip(
            used, texts(dictionary.take(pa.array(used)), column=self.column, where=self.where), strict=True
        ):
            names[position] = name
        return names

    def _check_named(self, indices: pa.Array, missing: pa.Array, first_row: int) -> None:
        if indices.null_count:
            self._refuse(first_row + int(missing.to_numpy(zero_copy_only=False).argmax()))

    def _refuse(self, row: int) -> None:
        raise InputError(
            f"{self.where}: every row must name its set; column {self.column!r} is empty in row {row + 1}."
        )

    @property
    def ids(self) -> list[str]:
        """Return the names of the sets so far, in their order."""
        return unify(list(self.codes), self.where)
