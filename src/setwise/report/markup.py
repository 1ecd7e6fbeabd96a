"""HTML by small functions that escape whatever they are given, so that no name of a set or column becomes markup."""

import html
from collections.abc import Iterable, Mapping, Sequence

_EMPTY = ("img", "meta", "br")


class Markup(str):
    """Text that is HTML already. Everything else is escaped before it enters."""

    __slots__ = ()


def escaped(content: object) -> Markup:
    """HTML of a piece of content: itself if it is HTML already, its escaped text if not."""
    return content if isinstance(content, Markup) else Markup(html.escape(str(content)))


def joined(contents: Iterable[object]) -> Markup:
    """HTML of several pieces, one after the other, on lines of their own."""
    return Markup("\n".join(escaped(content) for content in contents))


def element(name: str, *contents: object, attributes: Mapping[str, object] | None = None) -> Markup:
    """One element with its contents.

    Example:
        >>> element("p", "a < b ", element("em", "always"), attributes={"class": "note"})
        '<p class="note">a &lt; b <em>always</em></p>'
    """
    given = "".join(f' {key}="{html.escape(str(value))}"' for key, value in (attributes or {}).items())
    if name in _EMPTY:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{''.join(escaped(content) for content in contents)}</{name}>")


def table(
    head: Sequence[object],
    rows: Sequence[Sequence[object]],
    *,
    caption: str,
    marked: frozenset[int] = frozenset(),
    best: frozenset[tuple[int, int]] = frozenset(),
) -> Markup:
    """A table whose first column names its rows and whose other columns, where they hold numbers, align right.

    Args:
        head: names of the columns.
        rows: as many cells each; numbers come as text, already rounded.
        caption: what the table shows.
        marked: rows to set apart.
        best: cells to set apart, as row and column.
    """
    body = []
    for position, row in enumerate(rows):
        first = element("th", row[0], attributes={"scope": "row"})
        cells = [
            element(
                "td",
                element("strong", _unbroken(cell), attributes={"class": "best"})
                if (position, column) in best
                else _unbroken(cell),
                attributes={"class": _kind(cell)},
            )
            for column, cell in enumerate(row[1:], start=1)
        ]
        body.append(element("tr", first, *cells, attributes={"class": "marked"} if position in marked else None))
    kinds = [_kind(cell) for cell in rows[0]] if rows else ["text"] * len(head)
    kinds[:1] = ["text"]
    titles = [
        element("th", title, attributes={"scope": "col", "class": kind})
        for title, kind in zip(head, kinds, strict=True)
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *titles)),
            element("tbody", joined(body)),
        ),
        attributes={"class": "wide"},
    )


def definitions(pairs: Iterable[tuple[object, object]]) -> Markup:
    """A list of names and what they stand for."""
    return element("dl", joined(cell for pair in pairs for cell in map(element, ("dt", "dd"), pair)))


def _unbroken(cell: object) -> object:
    """A number whose interval stays on one line, below it where there is no room beside it."""
    if isinstance(cell, Markup) or _kind(cell) != "number":
        return cell
    value, bracket, interval = str(cell).partition(" (")
    return value + bracket + interval.replace(" ", "\N{NO-BREAK SPACE}")


def _kind(cell: object) -> str:
    """How a cell is set: numbers to the right."""
    text = str(cell).partition(" (")[0].replace(",", "").replace("%", "").strip()
    try:
        float(text)
    except ValueError:
        return "number" if text in ("", "-") else "text"
    return "number"
