"""Read a table, long or nested, into a store."""

from dataclasses import replace

from setwise.readers.request import ReadRequest
from setwise.readers.tables.long import read_long
from setwise.readers.tables.nested import is_nested, unnest
from setwise.store.store import SetStore
from setwise.store.tables import LazyTable


def read_table(table: LazyTable, request: ReadRequest) -> SetStore:
    """Read a table with a row per element, or with a row per set and its elements in lists.

    Raises:
        InputError: what the table holds is at fault; the message says where.
    """
    named = request.named_sets()
    if not is_nested(table):
        return read_long(table, request, named)
    nested = unnest(table, request)
    features = nested.features if request.features is None else request.features
    return read_long(nested.elements, replace(request, set_id="set_id", features=features), named, own=nested.sets)
