"""Tell kinds of columns: numbers, text, neither."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

pc: Any = compute  # its functions are made at import, out of sight of type checkers
WITH_POINTS = "Write a point for each decimal comma, and nothing between thousands"
_COMMA = r"^\s*[-+]?(\d+(\.\d{3})*,\d+|,\d+|\d+(,\d{3})+\.\d+|\d+(,\d{3}){2,})([eE][-+]?\d+)?\s*$"
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$|^\s*[-+]?(inf|infinity)\s*$"


def is_number(kind: pa.DataType) -> bool:
    """Return whether values of a type are numbers (truth values are 0 and 1)."""
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are text, or categories written as text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def to_float64(values: pa.Array) -> np.ndarray:
    """Return numbers as float64 ``(n,)``, missing ones as NaN."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not pa.types.is_floating(values.type) or pa.types.is_float16(values.type):
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.uint8())
        values = values.cast(pa.float64(), safe=False)
    if values.null_count:
        values = values.fill_null(float("nan"))
    return values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def trimmed(values: Any) -> Any:
    """Return a column as text without white space around its values, which nobody sees."""
    return pc.utf8_trim_whitespace(values.cast(pa.string()))


def not_numbers(values: pa.Array, *, missing: Sequence[str]) -> pa.Array:
    """Mark values of a column of text that are not numbers ``(n,)``; missing values are not marked."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    matches = pc.match_substring_regex(values, _NUMBER, ignore_case=True)
    absent = pc.is_in(values, pa.array(missing, values.type))
    fine = pc.or_(pc.fill_null(matches, True), absent)
    return pc.invert(fine)


def comma_number(values: pa.Array, *, missing: Sequence[str]) -> str | None:
    """Return the first number with a decimal comma (or commas between thousands) in text that is mostly numbers."""
    texts = values.cast(pa.string())
    known = texts.filter(pc.invert(pc.is_in(texts, pa.array(missing, pa.string())))).drop_null()
    commas = pc.match_substring_regex(known, _COMMA)
    others = pc.and_(not_numbers(known, missing=()), pc.invert(commas))
    if not pc.any(commas).as_py() or 2 * pc.sum(others).as_py() > len(known):
        return None
    return known[pc.index(commas, True).as_py()].as_py()
