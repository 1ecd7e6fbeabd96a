"""Read a sheet of an Excel or OpenDocument file as a table."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from setwise._checks import InputError, missing_packages
from setwise.store.ids import number_text
from setwise.store.tables import MISSING_TEXTS, check_file, listed, reading

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")  # without leading zeros, which names may have
_NUMBERS_BELOW = 0.8  # share of a column that is numbers, below which text in its first row is no second heading


def read_sheet(path: Path, *, set_id: str, sheet: str | None = None) -> tuple[pa.Table, str]:
    """Read a sheet, and say how errors name it.

    Its first row that is not empty has the names of the columns; every other row is one of the table. Text keeps its
    leading zeros, dates are dates; a column of text that is all numbers without leading zeros is numbers.
    Cells whose formula failed are empty.

    Args:
        path: of the file.
        set_id: the column that names the sets, whose text stays text.
        sheet: name of the sheet; by default the first that is not hidden.

    Raises:
        InputError: no such file or sheet, a damaged or locked file, merged cells, two rows of names, a column without a
            name; python-calamine is not installed.
    """
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise missing_packages("Excel files", ["python-calamine"], "excel") from error
    check_file(path)
    with reading(path, calamine.CalamineError, calamine.PasswordError, ValueError):
        book = calamine.load_workbook(str(path))
        name = _chosen(book, sheet, path)
        found = book.get_sheet_by_name(name)
        where = f"{path}, sheet {name!r}"
        if found.merged_cell_ranges:
            (top, left), (bottom, right) = found.merged_cell_ranges[0]
            raise InputError(
                f"{where}: cells must not be merged; {_cell(top, left)} to {_cell(bottom, right)} are. Undo the "
                "merging, so that every cell has its own value and one row has the names of the columns."
            )
        rows = [[_value(cell) for cell in row] for row in found.to_python(skip_empty_area=False)]
    others = f" (of {listed(book.sheet_names)}; --sheet names another)" if len(book.sheet_names) > 1 else ""
    return _table(rows, where, set_id), where + others


def _chosen(book: Any, sheet: str | None, path: Path) -> str:
    """Return the name of the sheet that is read."""
    shown = [meta.name for meta in book.sheets_metadata if str(meta.visible).endswith("Visible")] or book.sheet_names
    if not shown:
        raise InputError(f"{path} has no sheets.")
    if sheet is None:
        return shown[0]
    if sheet not in book.sheet_names:
        raise InputError(f"{path} has no sheet {sheet!r} (--sheet); it has {listed(book.sheet_names)}.")
    return sheet


def _value(cell: Any) -> Any:
    """Return a cell, none where it says that nothing is known."""
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in MISSING_TEXTS else cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return cell


def _table(rows: list[list[Any]], where: str, set_id: str) -> pa.Table:
    """Return the rows below the first that is not empty as a table."""
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(cell is not None for cell in row)]
    if len(filled) < 2:
        raise InputError(f"{where} must have a row of names and rows below it; it has {len(filled)} rows.")
    (top, head), *below = filled
    columns: dict[str, list[Any]] = {}
    for place, cell in enumerate(head):
        values = [row[place] for _, row in below]
        if cell is None:
            if any(value is not None for value in values):
                raise InputError(
                    f"{where}: every column must have a name in row {top}, the first that is not empty; column "
                    f"{_letters(place)} has none. Name it, or drop what stands above the table."
                )
            continue
        name = number_text(float(cell)) if isinstance(cell, int | float) else str(cell)
        if name in columns:
            raise InputError(f"{where}: names of columns must differ; {name!r} is there twice.")
        columns[name] = values
    _check_one_heading(columns, below[0][0], where)
    return pa.table({name: _column(name, values, set_id) for name, values in columns.items()})


def _check_one_heading(columns: dict[str, list[Any]], row: int, where: str) -> None:
    """Refuse a second row of names (units, groups of columns): text above columns of numbers."""
    first = [values[0] for values in columns.values()]
    if any(value is not None and not isinstance(value, str) for value in first):
        return
    for name, values in columns.items():
        rest = [value for value in values[1:] if value is not None]
        plain = [value for value in rest if not isinstance(value, str) or _NUMBER.fullmatch(value)]
        odd = isinstance(values[0], str) and not _NUMBER.fullmatch(values[0])
        if odd and rest and len(plain) >= _NUMBERS_BELOW * len(rest):
            raise InputError(
                f"{where}: one row must have the names of the columns; row {row} looks like a second one ({name!r} has "
                f"{values[0]!r} in it, and numbers or dates below). Join the two rows to one."
            )


def _column(name: str, values: list[Any], set_id: str) -> pa.Array:
    """Return a column in the type that all of its cells have, else as text."""
    known = [value for value in values if value is not None]
    if name != set_id and all(
        isinstance(x, int | float) or (isinstance(x, str) and _NUMBER.fullmatch(x)) for x in known
    ):
        if all(isinstance(x, bool) for x in known):
            return pa.array(values, pa.bool_() if known else pa.null())
        numbers = [float(x) if isinstance(x, str) else x for x in values]
        whole = all(x is None or float(x).is_integer() for x in numbers)
        return pa.array([None if x is None else int(x) if whole else float(x) for x in numbers])
    if all(isinstance(x, int) and not isinstance(x, bool) for x in known):
        return pa.array(values, pa.int64())
    if all(isinstance(x, dt.date) for x in known):
        exact = any(isinstance(x, dt.datetime) for x in known)
        return pa.array([_moment(x) for x in values] if exact else values)
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _moment(value: Any) -> Any:
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time())


def _text(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return number_text(float(value)) if isinstance(value, int | float) else str(value)


def _letters(place: int) -> str:
    """Return how a sheet names a column, counted from 0: A to Z, AA and so on."""
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _cell(row: int, column: int) -> str:
    return f"{_letters(column)}{row + 1}"
