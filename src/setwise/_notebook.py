"""Show a thing in a notebook: a title, facts and tables, as HTML in which every text is escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Grid:
    """A small table.

    Attributes:
        caption: says what it shows.
        head: names of the columns.
        rows: as many cells each; numbers are rounded, text is shown as it is.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


def as_html(title: str, facts: Mapping[str, object], grids: Sequence[Grid] = ()) -> str:
    """Return the HTML of a thing; it needs nothing from elsewhere, and takes the notebook's own colours.

    Args:
        title: its name.
        facts: what is to be known of it, by name.
        grids: tables below.

    Example:
        >>> "&lt;b&gt;" in as_html("SetStore", {"features": "<b>"})
        True
    """
    tables = [Grid(grid.caption, grid.head, [[cell(value) for value in row] for row in grid.rows]) for grid in grids]
    return _template().render(title=title, facts={name: cell(value) for name, value in facts.items()}, grids=tables)


def cell(value: object) -> str:
    """Return a number with four significant digits, nothing for none, and text as it is.

    Example:
        >>> cell(0.123456), cell(12345), cell(None), cell("a")
        ('0.1235', '12,345', '', 'a')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # `import setwise` is quick

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((files("setwise") / "_notebook.html").read_text(encoding="utf-8"))
