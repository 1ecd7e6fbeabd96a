"""Print lines, tables and JSON for people and machines; plain where the output does not go to a terminal."""

import json
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_HEADING = 10  # letters of a line of a heading, in tables that are too wide
_NAMES = 12  # letters that a column of names keeps
_PLAIN_WIDTH = 110  # columns, where the output goes to a file or a pipe


class Screen:
    """The output of a command for people.

    Args:
        quiet: print nothing.
        as_json: print nothing for people, since one JSON document is all that may be printed.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False):
        width = None if sys.stdout.isatty() else _PLAIN_WIDTH
        self._console = Console(width=width, markup=False, highlight=False, emoji=False)
        self.silent = quiet or as_json
        self.say: Callable[[str], str] = str  # the words of users for sets and elements
        self.as_json = as_json

    def line(self, text: str = "", *, style: str | None = None) -> None:
        """Print a line of text, broken between words."""
        if not self.silent:
            self._console.print(Text(self.say(text), style=style or ""))

    def heading(self, text: str) -> None:
        """Print a line that begins a part."""
        self.line()
        self.line(text, style="bold")

    def command(self, arguments: Sequence[str]) -> None:
        """Print a command that is about to run, as it could be typed; never broken into lines."""
        import shlex

        if not self.silent:
            self._console.print()
            self._console.print(Text(f"$ setwise {shlex.join(arguments)}", style="bold cyan"), soft_wrap=True)

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        title: str = "",
        best: frozenset[tuple[int, int]] = frozenset(),
        text_columns: frozenset[int] = frozenset({0}),
    ) -> None:
        """Print a table; columns of numbers align right, and the best cells (row, column) carry a star."""
        if self.silent:
            return
        head = [self.say(name) for name in head]
        long = 0 if _natural_width(head, rows) <= self.width else _HEADING
        gap = (0, 1, 0, 0) if long else (0, 1)
        table = Table(
            title=Text(self.say(title)) if title else None, title_justify="left", box=None, pad_edge=False, padding=gap
        )
        for column, name in enumerate(head):
            left = column in text_columns
            said = "\n".join(textwrap.wrap(name, long, break_long_words=False)) if long and not left else name
            least = min(_NAMES, max(len(cells[column]) for cells in rows)) if left and rows else None
            justify = "left" if left else "right"
            table.add_column(Text(said), justify=justify, overflow="fold", no_wrap=not left, min_width=least)
        for row, cells in enumerate(rows):
            table.add_row(*(_cell(cell, (row, column) in best, column, best) for column, cell in enumerate(cells)))
        self._console.print(table)

    @property
    def width(self) -> int:
        """Return the letters of a line."""
        return self._console.width

    def document(self, content: Mapping[str, Any]) -> None:
        """Print the one JSON document for machines, where it was asked for."""
        if self.as_json:
            sys.stdout.write(json.dumps(content, indent=1, allow_nan=False, default=str) + "\n")


def _natural_width(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return the letters of a table's longest line, with two between columns and two for stars."""
    return sum(4 + max(map(len, column)) for column in zip(head, *rows, strict=True))


def complain(message: str) -> None:
    """Print an error on standard error, never broken into lines."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    console.print(Text.assemble(("Error: ", "bold red"), message), soft_wrap=True)


def warn(message: str) -> None:
    """Print something to take heed of on standard error."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    console.print(Text.assemble(("Note: ", "bold yellow"), message), soft_wrap=True)


def _cell(text: str, is_best: bool, column: int, best: frozenset[tuple[int, int]]) -> Text:
    """Format a cell; in a column with stars, with room for one everywhere, so that digits stay below each other."""
    if all(other != column for _, other in best):
        return Text(text)
    return Text(f"{text} *", style="bold") if is_best else Text(f"{text}  ")
