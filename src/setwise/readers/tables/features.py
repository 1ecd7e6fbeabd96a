"""Choose the columns of a long table that are features of an element, with reasons for the others."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.readers.names import words_of
from setwise.store.kinds import WITH_POINTS, comma_number, is_number, is_text, not_numbers
from setwise.store.tables import MISSING_TEXTS, LazyTable, check_no_text, listed

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_NOT_MEASURED = {"time", "timestamp", "event", "index", "idx", "id", "unnamed"}
REFUSED = {  # reasons to leave a column out that training refuses, and what to do
    "it holds text among numbers": "Mend it",
    "it holds numbers with decimal commas": WITH_POINTS,
}
TEXT_AMONG_NUMBERS, DECIMAL_COMMAS = REFUSED


def check_named(table: LazyTable, features: Sequence[str], set_id: str) -> None:
    """Refuse named features that the table lacks, that repeat, or that are no numbers."""
    if isinstance(features, str) or not features:
        raise InputError(f"features must be a list of at least one name of a column; got {features!r}.")
    table.check_columns(features)
    if len(set(features)) != len(features) or set_id in features:
        raise InputError(f"features must be distinct columns other than {set_id!r}; got {listed(list(features))}.")
    for name in features:
        kind = table.schema.field(name).type
        if is_text(kind):
            _refuse_text(table, name)
        elif pa.types.is_null(kind):
            raise InputError(f"{table.name}: feature {name!r} must hold numbers; its column is empty.")
        elif not is_number(kind):
            raise InputError(f"{table.name}: feature {name!r} must hold numbers; it holds {kind}.")


def sort_columns(
    table: LazyTable, set_id: str, *, labels: Sequence[str] = (), strict: bool
) -> tuple[list[str], dict[str, str]]:
    """Return columns that may be features by name and type, and the others (but for labels) with the reason.

    Raises:
        InputError: a column of numbers with text in it, unless ``strict`` is false.
    """
    candidates: list[str] = []
    left_out: dict[str, str] = {}
    for field in table.schema:
        if field.name == set_id or field.name in labels:
            continue
        if pa.types.is_null(field.type):
            left_out[field.name] = "it is empty"
        elif is_text(field.type):
            left_out[field.name] = _text_reason(table, field.name, strict=strict)
        elif not is_number(field.type):
            left_out[field.name] = f"it holds {field.type}, not numbers"
        elif not field.name.strip() or _NOT_MEASURED.intersection(words_of(field.name)):
            left_out[field.name] = "its name says time, event or index"
        else:
            candidates.append(field.name)
    return candidates, left_out


def _text_reason(table: LazyTable, name: str, *, strict: bool) -> str:
    """Say why a column of text is left out; refuse a column of numbers with some text in it."""
    first = next(table.read([name]), None)
    if first is None or first[name].null_count == first.num_rows:
        return "it is empty"
    values = first[name].drop_null()
    commas = comma_number(values, missing=MISSING_TEXTS) is not None
    texts = pc.sum(not_numbers(values, missing=())).as_py()
    if 2 * texts > len(values) and not commas:
        return "it holds text"
    if strict:
        _refuse_text(table, name)
    return DECIMAL_COMMAS if commas else TEXT_AMONG_NUMBERS


def _refuse_text(table: LazyTable, name: str) -> None:
    row = 0
    for batch in table.read([name]):
        check_no_text(batch[name], name, table.name, row, table.place)
        row += batch.num_rows
    raise InputError(
        f"{table.name}: column {name!r} holds numbers stored as text. Store them as numbers, or name the features "
        "to be used without it."
    )
