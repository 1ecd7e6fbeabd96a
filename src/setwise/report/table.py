"""Lay out a table of text for a page: which cells are numbers, which are best, which rows are set apart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text"]


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its words, or a number that is already rounded.
        kind: numbers are set to the right.
        best: it is set apart as the best of its metric.
    """

    text: str
    kind: Kind
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: the first cell, which names the row.
        cells: the others.
        marked: the row is set apart.
    """

    name: str
    cells: tuple[Cell, ...]
    marked: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        caption: says what the table shows.
        head: names of the columns.
        rows: as many cells each as there are columns.
    """

    caption: str
    head: tuple[Cell, ...]
    rows: tuple[Row, ...]


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    caption: str,
    marked: Collection[int] = (),
    best: Collection[tuple[int, int]] = (),
) -> Table:
    """Return a table whose columns of numbers align right, except the first, which names the rows.

    Args:
        head: names of the columns.
        rows: as many cells each; numbers come as text, already rounded.
        caption: says what the table shows.
        marked: positions of rows to set apart.
        best: cells to set apart, as row and column.
    """
    first_row = rows[0][1:] if rows else head[1:]
    kinds: list[Kind] = ["text", *(_kind(str(cell)) for cell in first_row)]
    body = [
        Row(
            name=str(first),
            cells=tuple(_cell(str(cell), best=(place, column) in best) for column, cell in enumerate(cells, start=1)),
            marked=place in marked,
        )
        for place, (first, *cells) in enumerate(rows)
    ]
    return Table(caption, tuple(Cell(title, kind) for title, kind in zip(head, kinds, strict=True)), tuple(body))


def _cell(text: str, *, best: bool) -> Cell:
    """Return a cell; a number's interval stays on one line, below the number where it does not fit beside it."""
    kind = _kind(text)
    if kind == "number":
        value, bracket, interval = text.partition(" (")
        text = value + bracket + interval.replace(" ", "\N{NO-BREAK SPACE}")
    return Cell(text, kind, best)


def _kind(text: str) -> Kind:
    """Return "number" for a number, with or without its interval, and for a cell without a value."""
    value = text.partition(" (")[0].replace(",", "").replace("%", "").strip()
    try:
        float(value)
    except ValueError:
        return "number" if value in ("", "-") else "text"
    return "number"
