"""Open ROOT files and awkward arrays as nested tables: events are sets, with their particles in lists."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.formats.root import Root
from setwise.readers.per_set import plain_ids
from setwise.readers.reader import packages_of
from setwise.readers.request import ReadRequest
from setwise.readers.tables.nested import is_list, no_numbers
from setwise.store.kinds import is_number
from setwise.store.tables import LazyTable, check_file, from_table, listed, reading

_ENTRIES = 1 << 14  # events read at a time


def awkward_table(source: Any, set_id: str) -> LazyTable:
    """Return the records of an awkward array as a nested table; sets without names have their positions.

    Raises:
        InputError: records that Arrow cannot hold.
    """
    import awkward  # it made the source

    try:
        table = awkward.to_arrow_table(source, extensionarray=False)
    except (TypeError, ValueError, NotImplementedError, pa.ArrowException) as error:
        raise InputError(f"the awkward array cannot be read: {error}") from error
    return from_table(_named(table, set_id, 0), "the awkward array")


def open_root(path: Path, request: ReadRequest) -> LazyTable:
    """Open a tree of a ROOT file as a nested table, some events at a time; events without names have their positions.

    Branches that are neither numbers nor lists of numbers are left out, with the reason.

    Args:
        path: the file.
        request: which tree, needed where the file has several, and which branch names the sets, or a name for their
            positions.

    Raises:
        InputError: no such file, a damaged one, no such tree, several, or no branch that can be read.
        InputError: uproot or awkward are not installed.
    """
    files, awkward = packages_of(Root())
    set_id = request.set_id
    check_file(path)
    errors = (ValueError, KeyError, TypeError, NotImplementedError, IndexError, EOFError)

    with reading(path, *errors), files.open(path) as file:
        name = _tree(file, request.reading.tree, path)
        schema, left_out = _branches(file[name], awkward, path)
        branches = [field.name for field in schema]
    field = [] if set_id in branches else [pa.field(set_id, pa.string())]

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [column for column in columns if column in branches] or branches[:1]
        with reading(path, *errors), files.open(path) as file:
            first = 0
            for chunk in file[name].iterate(wanted, step_size=_ENTRIES, library="ak"):
                table = _named(awkward.to_arrow_table(chunk, extensionarray=False), set_id, first)
                first += table.num_rows
                yield from table.select(list(columns)).combine_chunks().to_batches()

    return LazyTable(str(path), pa.schema([*field, *schema]), read, left_out=left_out)


def _tree(file: Any, tree: str | None, path: Path) -> str:
    """Return the name of the tree that is read: the one that was named, or the only one."""
    trees = sorted({key.partition(";")[0] for key, kind in file.classnames().items() if kind in _TREES})
    if tree is None and len(trees) == 1:
        return trees[0]
    if tree is None or tree not in trees:
        wanted = "must have one tree" if tree is None else f"has no tree {tree!r}"
        raise InputError(f"{path} {wanted}; it has {listed(trees) or 'none'}. Name the tree with --tree.")
    return tree


_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")


def _branches(tree: Any, awkward: Any, path: Path) -> tuple[list[pa.Field], dict[str, str]]:
    """Return names and types of the branches that hold numbers or lists of numbers; the others with the reason."""
    if not tree.num_entries:
        raise InputError(f"{path}: the tree {tree.name!r} has no events.")
    fields: list[pa.Field] = []
    left_out: dict[str, str] = {}
    for name in tree.keys(recursive=False):
        try:
            first = tree.arrays([name], entry_stop=1, library="ak")
            kind = awkward.to_arrow_table(first, extensionarray=False).schema.field(name).type
        except (ValueError, TypeError, KeyError, NotImplementedError, pa.ArrowException) as error:
            text = " ".join(str(error).split())
            left_out[name] = f"its type cannot be read ({text[:80]})"
            continue
        if is_number(kind) or pa.types.is_string(kind) or _is_read(kind):
            fields.append(pa.field(name, kind))
        else:
            left_out[name] = f"it holds {kind}, neither numbers nor lists of numbers"
    if not fields:
        told = "; ".join(f"{name!r}: {reason}" for name, reason in list(left_out.items())[:4])
        raise InputError(
            f"{path}: no branch of the tree {tree.name!r} holds numbers or lists of numbers ({told or 'it has none'})."
        )
    return fields, left_out


def _is_read(kind: pa.DataType) -> bool:
    """Return whether a branch holds lists of numbers, of structures of them, or of vectors of one length."""
    return is_list(kind) and no_numbers(kind) is None and not _is_jagged(kind.value_type)


def _is_jagged(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _named(table: pa.Table, set_id: str, first: int) -> pa.Table:
    """Return the table with a column that names its rows, counted on from the first."""
    if set_id in table.column_names:
        return table
    names = plain_ids(table.num_rows) if not first else [str(n) for n in np.arange(first, first + table.num_rows)]
    return table.add_column(0, set_id, pa.array(names, pa.string()))
