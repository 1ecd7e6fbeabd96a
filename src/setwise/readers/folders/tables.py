"""Read tables with a row per element, each of them a set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import EmptySetError, InputError
from setwise.readers.aliases import renamed
from setwise.readers.files import SetFiles, opened_files
from setwise.readers.folders.columns import check_columns, in_type, number_columns, one_schema, place_of
from setwise.readers.formats.folders import Folders
from setwise.readers.per_set import named_rows
from setwise.readers.request import ReadRequest
from setwise.readers.tables.long import read_long
from setwise.readers.tables.vectors import with_components
from setwise.store.file import offsets_of
from setwise.store.ids import unify
from setwise.store.store import SetStore
from setwise.store.tables import BLOCK, LazyTable, from_table, open_table, reading

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_KEPT = 1 << 28  # bytes of small tables that are read once, and kept in memory
_SKIP = "or leave it out (--skip-bad)"


@dataclass(frozen=True)
class Look:
    """A table that was looked at: columns but for the names of sets, rows, and itself where it is small."""

    schema: pa.Schema
    rows: int
    table: LazyTable


def read_tables(files: SetFiles, request: ReadRequest) -> SetStore:
    """Read tables as one long table, whose rows belong to the sets of their files."""
    files, looks = opened_files(files, _Looker(request.set_id, request.reading.aliases), request, kind=Folders.name)
    schemas, names = [look.schema for look in looks], [path.name for path in files.paths]
    request = request.choosing(number_columns(schemas[0]), str(files.paths[0].parent), looks[0].table.groups)
    check_columns(schemas, names, request)
    schema = one_schema(schemas, request)
    where = str(files.paths[0].parent)
    ids = unify(files.ids, request.sets_name or where)
    table = LazyTable(
        where,
        schema.insert(0, pa.field(request.set_id, pa.string())),
        partial(_rows, schema=schema, tables=[look.table for look in looks], ids=ids, set_id=request.set_id),
        partial(place_of, offsets=offsets_of(np.array([look.rows for look in looks])), names=names),
    )
    sets = None if files.table is None else named_rows(files.table, request.set_id, request.sets_name)
    return read_long(table, request, sets, skipped=files.skipped, problems=files.problems, notes=files.notes)


class _Looker:
    """Look at tables one after the other: the first small ones stay in memory, so that each is opened once."""

    def __init__(self, set_id: str, aliases: Mapping[str, str] | None):
        self._set_id = set_id
        self._aliases = aliases
        self._room = _KEPT

    def __call__(self, path: Path) -> Look:
        """Look at the columns of a table, and count its rows; refuse one that is empty or holds several sets."""
        set_id = self._set_id
        table = open_part(path, set_id, self._aliases)
        names = set_id if set_id in table.columns else table.columns[0]
        if self._room > 0 and path.stat().st_size <= min(BLOCK, self._room):
            with reading(path):
                loaded = table.load(table.columns)
            self._room -= loaded.nbytes
            table = replace(from_table(loaded, table.name), groups=table.groups)
        rows, found = 0, set[Any]()
        for batch in table.read([names]):
            rows += batch.num_rows
            if names == set_id:
                found.update(pc.unique(batch[names]).to_pylist())
        if not rows:
            raise EmptySetError(f"{path} must have at least one element, and has no rows. Drop it, {_SKIP}.")
        if len(found) > 1:
            raise InputError(
                f"{path} must hold one set, and has {len(found)} in column {set_id!r}. Give all files this column, and "
                "they are read as one table, or name another column (--set-id)."
            )
        place = table.schema.get_field_index(set_id)
        return Look(table.schema if place < 0 else table.schema.remove(place), rows, table)


def open_part(path: Path, set_id: str, aliases: Mapping[str, str] | None = None) -> LazyTable:
    """Open one table of several, its columns by the names that theirs are aliases of; small ones whole."""
    with reading(path):
        stream = path.stat().st_size > BLOCK
    return with_components(renamed(open_table(path, set_id=set_id, stream=stream), aliases), set_id)


def _rows(
    columns: Sequence[str], *, schema: pa.Schema, tables: Sequence[LazyTable], ids: Sequence[str], set_id: str
) -> Iterator[pa.RecordBatch]:
    """Yield rows of all files, one file after the other, each row with the name of its set."""
    own = [name for name in columns if name != set_id] or schema.names[:1]
    for table, name in zip(tables, ids, strict=True):
        for batch in table.read(own):
            codes = pa.array(np.zeros(batch.num_rows, np.int32))
            values: dict[str, Any] = {column: in_type(batch[column], schema.field(column).type) for column in own}
            values[set_id] = pa.DictionaryArray.from_arrays(codes, pa.array([name]))
            yield pa.RecordBatch.from_arrays([values[column] for column in columns], names=list(columns))
