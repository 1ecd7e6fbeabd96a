"""Read a table, long or nested, into a store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.request import ReadRequest
from setwise.readers.tables.long import read_long
from setwise.readers.tables.nested import is_nested, unnest
from setwise.readers.tables.types import joined, types_of
from setwise.store.kinds import is_number
from setwise.store.store import SetStore
from setwise.store.tables import LazyTable

_NONE: Mapping[str, str] = {}


def read_table(
    table: LazyTable,
    request: ReadRequest,
    *,
    own: pa.Table | None = None,
    skipped: Mapping[str, str] = _NONE,
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> SetStore:
    """Read a table with a row per element, or with a row per set and its elements in lists.

    Args:
        table: of elements.
        request: what is asked of reading.
        own: columns of the sets of a table with a row per element, which come with the elements.
        skipped: files that were left out before, and why.
        problems: what was found wrong before.
        notes: what is to be said of the reading so far.

    Raises:
        InputError: what the table holds is at fault; the message says where.
    """
    named = request.named_sets()
    told = {"skipped": skipped, "problems": problems, "notes": notes}
    if not is_nested(table):
        if request.reading.types is not None and request.like is None:
            raise InputError(
                f"types (--types) are of lists of elements; {table.name} has a row per element. Leave it out."
            )
        numbers = [field.name for field in table.schema if is_number(field.type)]
        request = request.choosing(numbers, table.name, table.groups)
        return read_long(table, request, named, own=own, **told)
    types = types_of(table, request)
    if types:
        table, request = joined(table, request, types)
    nested = unnest(table, request)
    request = replace(request, set_id="set_id", features=nested.features)
    store = read_long(nested.elements, request, named, own=nested.sets, **told)
    if not types:
        return store
    note = f"elements of the types {', '.join(types)} are one set each, with a flag for each type (--types)"
    before = store.description
    return store.with_description(
        replace(before, notes=(*before.notes, note), choices={**before.choices, "types": types})
    )
