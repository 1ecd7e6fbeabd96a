"""Read one table in several files, whose rows belong to sets that a column names, or are sets with lists."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.files import FILE, SetFiles, opened_files
from setwise.readers.folders.columns import check_columns, common_type, in_type, number_columns, place_of
from setwise.readers.folders.tables import open_part
from setwise.readers.paths import label_of
from setwise.readers.request import ReadRequest
from setwise.readers.tables.nested import is_nested
from setwise.readers.tables.read import read_table
from setwise.store.file import offsets_of
from setwise.store.ids import SetCodes, texts, unify
from setwise.store.store import SetStore
from setwise.store.suffixes import without_suffix
from setwise.store.tables import LazyTable, listed


@dataclass(frozen=True)
class _Part:
    """One of the tables: its rows, and the names of their sets: one a row of nested tables, else each name once."""

    table: LazyTable
    rows: int
    ids: list[str]


def is_one_table(paths: Sequence[Path], request: ReadRequest) -> bool:
    """Return whether tables are parts of one: nested, or with a column that names the sets of a table of sets.

    Files that the table of sets names in a column of its own are a set each, and so are files that cannot be opened,
    for whoever reads them to say why.
    """
    if request.reading.file_column is not None:
        return False
    first: LazyTable | None = None
    for path in paths:
        try:
            table = open_part(path, request.set_id)
        except InputError:
            continue
        if is_nested(table):
            return True
        if request.set_id not in table.columns:
            return False
        first = first or table
    if first is None:
        return False
    if request.sets is None or request.set_id not in request.sets.column_names:
        return request.sets is None
    column = request.sets[request.set_id].combine_chunks()
    named = texts(column, column=request.set_id, where=request.sets_name)
    return not set(named).isdisjoint(_ids_of(first, request.set_id)[0])


def read_parts(
    paths: Sequence[Path],
    root: Path,
    request: ReadRequest,
    opener: Callable[[Path], LazyTable] | None = None,
) -> SetStore:
    """Read several tables as one, in the order of their files.

    The table of sets gets a column ``file``, unless it has one or a set lies in several files. Rows of nested tables
    that have one name in several files are different sets: they are named ``file/name``.

    Args:
        paths: of the tables, all long or all nested.
        root: the folder that names of files are relative to.
        request: what is asked of reading.
        opener: of one table; by default by its suffix.

    Raises:
        InputError: a table that cannot be read, unless ``skip_bad``; tables of different columns; what the tables hold.
    """
    opener = opener or partial(open_part, set_id=request.set_id, aliases=request.reading.aliases)
    labels = [label_of(path, root) for path in paths]
    looked = partial(_look, opener=opener, set_id=request.set_id)
    files, parts = opened_files(SetFiles(list(paths), labels), looked, request, kind="files of one table")
    nested = [is_nested(part.table) for part in parts]
    if any(nested) and not all(nested):
        raise InputError(
            f"{root}: all files of one table must be alike; {files.ids[nested.index(True)]} has a row per set with "
            f"lists, {files.ids[nested.index(False)]} has a row per element. Name those that are meant by a pattern."
        )
    where = str(paths[0]) if len(paths) == 1 else f"{root} ({len(parts)} files)"
    notes = [f"{len(parts)} files are read as one table: {listed(files.ids, 3)}"] if len(parts) > 1 else []
    schema = _schema(parts, files.ids, request)
    offsets = offsets_of(np.array([part.rows for part in parts]))
    left_out = {name: reason for part in parts for name, reason in part.table.left_out.items()}
    names = [without_suffix(label) for label in files.ids]
    known = set(schema.names) | set([] if request.sets is None else request.sets.column_names)
    if nested[0]:
        own, renamed = None, _renamed(parts, names)
        notes += [f"names of sets are in several files: they are written as {renamed[0][0]}"] if renamed else []
        extra = None if FILE in known else FILE
    else:
        own, extra, renamed = (None if FILE in known else _files_of_sets(parts, names, where)), None, None
    read = partial(_rows, parts=parts, schema=schema, set_id=request.set_id, ids=renamed, file=extra, names=names)
    whole = schema if extra is None else schema.append(pa.field(extra, pa.string()))
    table = LazyTable(
        where, whole, read, partial(place_of, offsets=offsets, names=files.ids), left_out, parts[0].table.groups
    )
    return read_table(table, request, own=own, skipped=files.skipped, problems=files.problems, notes=notes)


def _look(path: Path, *, opener: Callable[[Path], LazyTable], set_id: str) -> _Part:
    """Open a table, and find the names of its sets."""
    table = opener(path)
    table.check_columns([set_id])
    ids, rows = _ids_of(table, set_id)
    if not rows:
        raise InputError(f"{path} has no rows. Drop it, or leave it out (--skip-bad).")
    return _Part(table, rows, ids)


def _ids_of(table: LazyTable, set_id: str) -> tuple[list[str], int]:
    """Return the names in the column of the sets, one a row of a nested table, else each once, and the rows."""
    if is_nested(table):
        column = table.load([set_id])[set_id].combine_chunks()
        return [name or "" for name in texts(column, column=set_id, where=table.name)], len(column)
    coder, rows = SetCodes(column=set_id, where=table.name), 0
    for batch in table.read([set_id]):
        coder.encode(batch[set_id], rows)
        rows += batch.num_rows
    return list(coder.codes), rows


def _schema(parts: Sequence[_Part], files: Sequence[str], request: ReadRequest) -> pa.Schema:
    """Return the columns of all tables, with types that hold the values of all.

    Raises:
        InputError: tables of different columns, or without those that were named.
    """
    schemas = [part.table.schema for part in parts]
    if is_nested(parts[0].table):
        for file, schema in zip(files, schemas, strict=True):
            if sorted(schema.names) != sorted(schemas[0].names):
                odd = sorted(set(schema.names) ^ set(schemas[0].names))
                raise InputError(
                    f"all files must have the same columns, {listed(schemas[0].names)} as in {files[0]}; {file} has "
                    f"others: {listed(odd)}. Name those that are meant by a pattern."
                )
        names = schemas[0].names
    else:
        asked = request.choosing(number_columns(schemas[0]), files[0], parts[0].table.groups)
        check_columns([_without(schema, request.set_id) for schema in schemas], files, asked)
        wanted = None if asked.features is None else {request.set_id, *asked.features, *request.labels}
        names = [name for name in schemas[0].names if wanted is None or name in wanted]
    return pa.schema([(name, common_type([schema.field(name).type for schema in schemas])) for name in names])


def _without(schema: pa.Schema, name: str) -> pa.Schema:
    return schema.remove(schema.get_field_index(name))


def _renamed(parts: Sequence[_Part], files: Sequence[str]) -> list[list[str]] | None:
    """Return names of the rows of all nested tables with their files, where two tables have a name; else none."""
    counts = Counter(name for part in parts for name in set(part.ids))
    if not any(count > 1 for count in counts.values()):
        return None
    return [[f"{file}/{name}" for name in part.ids] for part, file in zip(parts, files, strict=True)]


def _files_of_sets(parts: Sequence[_Part], files: Sequence[str], where: str) -> pa.Table | None:
    """Return the file of each set, in the order of the sets; none where a set lies in several."""
    found: dict[str, str] = {}
    for part, file in zip(parts, files, strict=True):
        for name in part.ids:
            if found.setdefault(name, file) != file:
                return None
    return pa.table({"set_id": pa.array(unify(list(found), where)), FILE: pa.array(list(found.values()))})


def _rows(
    columns: Sequence[str],
    *,
    parts: Sequence[_Part],
    schema: pa.Schema,
    set_id: str,
    ids: list[list[str]] | None,
    file: str | None,
    names: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Yield rows of all tables, one table after the other."""
    own = [name for name in columns if name != file] or [set_id]
    for position, (part, name) in enumerate(zip(parts, names, strict=True)):
        done = 0
        for batch in part.table.read(own):
            values = {column: in_type(batch[column], schema.field(column).type) for column in own}
            if ids is not None and set_id in values:
                values[set_id] = pa.array(ids[position][done : done + batch.num_rows], pa.string())
            if file is not None:
                values[file] = pa.repeat(name, batch.num_rows)
            done += batch.num_rows
            yield pa.RecordBatch.from_arrays([values[column] for column in columns], names=list(columns))
