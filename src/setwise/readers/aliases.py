"""Take features that are one under several names for one: from a file of names, which is suggested from the sources."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from setwise._checks import InputError
from setwise._files import write_atomic
from setwise.readers.request import ReadRequest
from setwise.store.tables import LazyTable, listed

_HEAD = ("name", "alias")
_DYES = re.compile(  # and isotopes and areas of pulses, whose names stand beside that of a marker
    r"fitc|pe|apc|percp|ecd|pb|po|krome|orange|pacific|blue|green|red|vio|violet|texas|cy(\d(\.\d)?)?|h7|r\d{3}|"
    r"bv\d{3}|bb\d{3}|buv\d{3}|v\d{3}|af\d{3}|alexa|fluor|efluor|ef\d{3}|pc\d(\.\d)?|fire|\d{3}|a|di|dd|comp|"
    r"((8[0-9]|1[0-9]{2}|20[0-9])[a-z]{1,2}|[a-z]{1,2}(8[0-9]|1[0-9]{2}|20[0-9]))(di|dd)?"
)


@runtime_checkable
class HasPanels(Protocol):
    """A reader of several files whose features have names."""

    def panels(self, source: Any, request: ReadRequest) -> Mapping[str, Sequence[str]]:
        """Return the names of the features of each file of a source, by the name of the file."""
        ...


def read_aliases(path: Path) -> dict[str, str]:
    """Return by alias the name that it stands for, from a CSV file with the columns ``name`` and ``alias``.

    Raises:
        InputError: a file that cannot be read, or an alias of two names.
    """
    try:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the aliases in {path} cannot be read: {error}. Give a CSV file: name,alias.") from None
    if not rows or tuple(cell.strip().lower() for cell in rows[0][:2]) != _HEAD:
        raise InputError(
            f"{path} must begin with the line 'name,alias' and have a line for each alias; it begins with "
            f"{','.join(rows[0]) if rows else ''!r}. setwise inspect ELEMENTS --suggest-aliases {path.name} makes one."
        )
    found: dict[str, str] = {}
    for line, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row[:2]]
        if not any(cells):
            continue
        if len(cells) < 2 or not all(cells):
            raise InputError(f"{path}, line {line} must have a name and an alias; it has {','.join(row)!r}.")
        name, alias = cells
        if found.setdefault(alias, name) != name:
            raise InputError(
                f"{path}, line {line}: {alias!r} is an alias of {found[alias]!r} and of {name!r}. Keep one."
            )
    for alias, name in found.items():
        if name != alias and found.get(name, name) != name:
            raise InputError(
                f"{path}: {name!r} has the alias {alias!r} and is one of {found[name]!r}. Name one for all."
            )
    return found


def write_aliases(path: Path, aliases: Mapping[str, str]) -> None:
    """Write aliases as `read_aliases` reads them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows((name, alias) for alias, name in aliases.items())
    write_atomic(path, text.getvalue().encode())


def suggested(panels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return by alias the name that most files have, of names that may be one feature.

    Such names differ in capitals, blanks and dashes alone, or in the dye or isotope beside the marker; and no file has
    two of them.

    Args:
        panels: by file, the names of its features.

    Example:
        >>> suggested({"a.fcs": ["CD3", "HLA-DR"], "b.fcs": ["CD3", "HLADR"], "c.fcs": ["CD3-FITC", "HLA-DR"]})
        {'CD3-FITC': 'CD3', 'HLADR': 'HLA-DR'}
    """
    counts = Counter(name for names in panels.values() for name in dict.fromkeys(names))
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(_marker(name), []).append(name)
    found = {}
    for names in groups.values():
        if len(names) < 2 or any(len(set(names) & set(panel)) > 1 for panel in panels.values()):
            continue
        best = min(names, key=lambda name: (-counts[name], len(name), name))
        found |= {name: best for name in sorted(names) if name != best}
    return found


def _marker(name: str) -> str:
    """Return what a name says of the marker: its words without dyes, in small letters; of a dye alone, itself."""
    words = [word for part in re.split(r"[^a-z0-9+.]+", name.casefold()) if (word := part.strip("."))]
    said = [word for word in words if not _DYES.fullmatch(word)]
    alone = all(word in ("h", "w") for word in said)  # height and width of a pulse: a dye is what is measured
    return "".join(word for word in words if word != "comp") if alone else "".join(said).replace(".", "")


def renamed(table: LazyTable, aliases: Mapping[str, str] | None) -> LazyTable:
    """Return a table whose columns have the names that their own are aliases of.

    Raises:
        InputError: two columns that would have one name.
    """
    own = {column: (aliases or {}).get(column, column) for column in table.columns}
    if all(column == name for column, name in own.items()):
        return table
    names = list(own.values())
    twice = [column for column, name in own.items() if names.count(name) > 1]
    if twice:
        raise InputError(f"{table.name}: columns {listed(twice)} would have one name by the aliases. Mend --aliases.")
    back = {name: column for column, name in own.items()}

    def read(columns: Sequence[str]) -> Any:
        for batch in table.read([back[name] for name in columns]):
            yield pa.RecordBatch.from_arrays(batch.columns, names=[own[column] for column in batch.schema.names])

    return replace(table, schema=pa.schema([field.with_name(own[field.name]) for field in table.schema]), read=read)
