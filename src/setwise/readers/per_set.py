"""Read the table of sets: one row per set with targets, covariates, group and split."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import InputError
from setwise.store.excel import read_sheet
from setwise.store.ids import texts, unify
from setwise.store.kinds import is_text, trimmed
from setwise.store.suffixes import CSV_SUFFIXES, EXCEL_SUFFIXES, suffix_of
from setwise.store.tables import MISSING_TEXTS, listed, load_csv, open_table, reading

_SUMMARY = "It is the last row: a summary of the others, or a remark, must not stand below the table."
_SUMMARY_WORDS = {
    "total",
    "totals",
    "sum",
    "mean",
    "average",
    "median",
    "count",
    "n",
    "sd",
    "all",
    "overall",
    "summary",
}
pc: Any = compute  # its functions are made at import, out of sight of type checkers


def read_sets(source: object, set_id: str, sheet: str | None = None) -> tuple[pa.Table, str]:
    """Read the table of sets as it is, and say how errors name it.

    Args:
        source: path of a CSV, TSV, Parquet, Arrow or Excel file, or a table in memory.
        set_id: the column that names the sets.
        sheet: of an Excel file; by default its first.

    Raises:
        InputError: no such file, or one that cannot be read; a sheet of another file.
    """
    if isinstance(source, str | Path) and suffix_of(Path(source)) in EXCEL_SUFFIXES:
        table, name = read_sheet(Path(source), set_id=set_id, sheet=sheet)
        return tidy(table), name
    if sheet is not None:
        raise InputError(f"sheet (--sheet) is a choice for tables of sets in Excel files; got {sheet!r}. Leave it out.")
    if isinstance(source, Mapping):
        source = pa.table(dict(source))
    opened = open_table(source, set_id=set_id, stream=False)
    name = opened.name if isinstance(source, str | Path) else "the table of sets"
    with reading(name):
        table = opened.load(opened.columns)
        if isinstance(source, str | Path) and suffix_of(Path(source)) in CSV_SUFFIXES:
            table = tidy(_with_leading_zeros(table, Path(source)))
            return without_missing_texts(table, set_id), name
        return tidy(table), name


def tidy(table: pa.Table) -> pa.Table:
    """Return a table of sets as the store keeps it: categories as their values, text trimmed, no metadata."""
    for position, field in enumerate(table.schema):
        column = table.column(position)
        if is_text(field.type):
            table = table.set_column(position, field.name, trimmed(column))
        elif pa.types.is_dictionary(field.type):
            table = table.set_column(position, field.name, column.cast(field.type.value_type))
    table.validate(full=True)  # trimming looks at the ends of a text alone
    return table.replace_schema_metadata().combine_chunks()


def named_rows(table: pa.Table, set_id: str, where: str) -> pa.Table:
    """Return the table with its names of sets as strings in a first column ``set_id``.

    Raises:
        InputError: no such column, a row without a name, or another column of that name.
    """
    if set_id not in table.column_names:
        raise InputError(
            f"{where} has no column {set_id!r}; it has {listed(table.column_names)}. "
            "Name the column that names the sets with --set-id."
        )
    if set_id != "set_id" and "set_id" in table.column_names:
        raise InputError(f"{where} has a column 'set_id' beside {set_id!r}, which names the sets. Rename or drop it.")
    column = table[set_id]
    names = texts(column.combine_chunks(), column=set_id, where=where) if len(column) else []
    for row, name in enumerate(names):
        if not name or name.isspace():
            last = f" {_SUMMARY}" if row == len(names) - 1 else ""
            raise InputError(
                f"{where}: every row must name its set; column {set_id!r} is empty in row {row + 1}.{last}"
            )
    ids = pa.array(unify(names, where), pa.string())
    return table.drop_columns([set_id]).add_column(0, "set_id", ids)


@dataclass
class Dropped:
    """Sets that are left out, where that is asked for.

    Attributes:
        unlabelled: sets without a row in the table of sets are left out.
        names: of sets that are left out, and why.
    """

    unlabelled: bool
    names: dict[str, str] = dataclasses.field(default_factory=dict)


def join(
    ids: Sequence[str], table: pa.Table | None, where: str, *, strict: bool, drop: Dropped | None = None
) -> tuple[pa.Table, list[str]]:
    """Return the rows of a table of sets in the order of ``ids``, and the problems found.

    Args:
        ids: names of the sets that have elements.
        table: what `named_rows` returns, or none for a table with the names alone.
        where: how errors name the table.
        strict: raise for the first problem.
        drop: takes in the sets that are left out, none where none are; sets without a row have no values then.

    Raises:
        InputError: a name twice in the table, a set without a row, or a row without elements.
    """
    if table is None:
        return pa.table({"set_id": pa.array(ids, pa.string())}), []
    problems: list[str] = []

    def report(problem: str) -> None:
        if strict:
            raise InputError(problem)
        problems.append(problem)

    row_of: dict[str, int] = {}
    repeated: dict[str, int] = {}
    for row, name in enumerate(table["set_id"].to_pylist()):
        if row_of.setdefault(name, row) != row:
            repeated.setdefault(name, row)
    if repeated:
        name, row = next(iter(repeated.items()))
        others = f" {len(repeated) - 1} more sets have several rows." if len(repeated) > 1 else ""
        report(
            f"{where}: every set must have one row; set {name!r} has rows {row_of[name] + 1} and {row + 1}. "
            f"Drop one of them.{others}"
        )
    without = [name for name in ids if name not in row_of]
    if drop is not None and drop.unlabelled and len(without) < len(ids):
        drop.names |= dict.fromkeys(without, f"{where} has no row for it")
        without = []
    if without:
        other_names = (
            f" The table names {listed([repr(name) for name in row_of], 3)}."
            if len(without) == len(ids) and row_of
            else ""
        )
        report(
            f"{where}: every set must have a row; {len(without)} of {len(ids)} sets with elements have none: "
            f"{listed([repr(name) for name in without], 5)}.{other_names} "
            "Add their rows, or leave these sets out (--drop-unlabelled)."
        )
    known = set(ids)
    empty = [name for name in row_of if name not in known]
    if drop is not None:
        drop.names |= dict.fromkeys(empty, f"{where} has a row for it, and it has no elements")
        empty = []
    if empty:
        report(
            f"{where}: every set must have at least one element; {len(empty)} of {len(row_of)} sets have none: "
            f"{listed([repr(name) for name in empty], 5)}. "
            "Leave them out (--drop-empty), or give the elements they lack."
            + (
                f" {_SUMMARY}"
                if len(empty) == 1 and empty[0] == next(reversed(row_of)) and _is_summary(empty[0])
                else ""
            )
        )
    rows = pa.array([row_of.get(name) for name in ids], pa.int64())
    joined = table.take(rows).set_column(0, "set_id", pa.array(ids, pa.string()))
    return joined.combine_chunks(), problems


def add_columns(
    own: pa.Table, table: pa.Table | None, where: str, *, strict: bool, drop: Dropped | None = None
) -> tuple[pa.Table, list[str]]:
    """Put columns of a table of sets beside those that a source brings itself; problems and errors as for `join`.

    Raises:
        InputError: also for a column that both have.
    """
    if table is None:
        return own, []
    both = [name for name in own.column_names if name in table.column_names and name != "set_id"]
    if both:
        raise InputError(
            f"{where}: columns {listed(both)} are already in the file of the elements. Drop or rename them."
        )
    joined, problems = join(own["set_id"].to_pylist(), table, where, strict=strict, drop=drop)
    for name in own.column_names[1:]:
        joined = joined.append_column(name, own[name])
    return joined, problems


def _is_summary(name: str) -> bool:
    """Return whether the name of a row says that it sums up the others, or is a remark below the table."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return not _SUMMARY_WORDS.isdisjoint(words) or len(words) > 3


def _with_leading_zeros(table: pa.Table, path: Path) -> pa.Table:
    """Return columns of whole numbers of a CSV file as text where one has a leading zero: 01 may not be 1."""
    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    if not whole:
        return table
    texts = load_csv(path, *whole)
    for name in whole:
        if pc.any(pc.match_substring_regex(texts[name], r"^\s*[-+]?0\d")).as_py():
            table = table.set_column(table.column_names.index(name), name, texts[name])
    return table


def without_missing_texts(table: pa.Table, set_id: str) -> pa.Table:
    """Turn cells of a CSV file that say that nothing is known into missing values."""
    for position, field in enumerate(table.schema):
        if is_text(field.type) and field.name != set_id:
            column = table.column(position)
            missing = pc.is_in(column, pa.array(MISSING_TEXTS, field.type))
            absent = pa.scalar(None, field.type)
            table = table.set_column(position, field.name, pc.if_else(missing, absent, column))
    return table


def plain_ids(count: int) -> list[str]:
    """Return names for sets that have none: their positions."""
    return [str(row) for row in np.arange(count)]
