"""Find columns of a long table that belong to its sets: those that never change within one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise.readers.per_set import tidy, without_missing_texts
from setwise.store.ids import SetCodes, dictionary_of
from setwise.store.kinds import is_number, is_text, to_float64
from setwise.store.suffixes import CSV_SUFFIXES, suffix_of
from setwise.store.tables import LazyTable

pc: Any = compute  # its functions are made at import, out of sight of type checkers


def columns_of_sets(table: LazyTable, set_id: str, names: Sequence[str]) -> tuple[pa.Table | None, dict[str, str]]:
    """Return columns that have one value in all rows of a set, a row per set; and in which set the others change first.

    Args:
        table: with a row per element.
        set_id: the column that names the set of each.
        names: of the columns to look at; of those, lists and the like are passed over.
    """
    held = {name: _Held() for name in names if _has_values(table.schema.field(name).type)}
    changing: dict[str, str] = {}
    coder = SetCodes(column=set_id, where=table.name)
    row = 0
    while_open = [name for name in table.columns if name in held]
    if not while_open:
        return None, {}
    for batch in table.read([set_id, *while_open]):
        codes = coder.encode(batch[set_id], row)
        row += batch.num_rows
        for name in [name for name in while_open if name not in changing]:
            code = held[name].add(batch[name], codes)
            if code is not None:
                changing[name] = list(coder.codes)[code]
        if len(changing) == len(while_open):
            return None, changing
    kept = [name for name in while_open if name not in changing]
    columns = {name: pa.concat_arrays(_one_type(held[name].values)) for name in kept}
    found = tidy(pa.table({"set_id": pa.array(coder.ids, pa.string()), **columns}))
    is_csv = suffix_of(Path(table.name)) in CSV_SUFFIXES
    return (without_missing_texts(found, "set_id") if is_csv else found), changing


def _has_values(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind) and not pa.types.is_null(kind)


def _one_type(pieces: Sequence[pa.Array]) -> list[pa.Array]:
    """Return pieces of a column, categories as their values."""
    return [piece.cast(piece.type.value_type) if isinstance(piece, pa.DictionaryArray) else piece for piece in pieces]


class _Held:
    """The value of each set in a column, as far as it was read, and a number that stands for it."""

    def __init__(self) -> None:
        self.values: list[pa.Array] = []
        self.numbers = np.zeros(0)
        self.texts: dict[object, int] = {}

    def add(self, column: pa.Array, codes: np.ndarray) -> int | None:
        """Take in some rows; return the first set in which a value differs from its others, or none."""
        if not len(codes):
            return None
        numbers = self._numbers(column)
        fresh, first = np.unique(codes, return_index=True)
        new = fresh >= len(self.numbers)
        self.values.append(column.take(pa.array(first[new])))
        self.numbers = np.concatenate([self.numbers, numbers[first[new]]])
        differs = numbers != self.numbers[codes]
        differs &= ~(np.isnan(numbers) & np.isnan(self.numbers[codes]))
        return int(codes[int(differs.argmax())]) if differs.any() else None

    def _numbers(self, column: pa.Array) -> np.ndarray:
        """Return a number for each value ``(n,)``, the same for the same value; NaN where it is missing."""
        if is_number(column.type):
            return to_float64(column)
        encoded = dictionary_of(column.cast(pa.string()) if not is_text(column.type) else column)
        own = [
            np.nan if text is None else self.texts.setdefault(text, len(self.texts))
            for text in encoded.dictionary.to_pylist()
        ]
        places = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        return np.array([*own, np.nan])[places]
