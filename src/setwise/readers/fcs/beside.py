"""Take columns of the sets from FCS files themselves: keywords, and channels that never change within a file."""

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.fcs.channels import check_have
from setwise.readers.fcs.file import FcsFile
from setwise.store.kinds import not_numbers
from setwise.store.tables import listed

_LAYOUT = re.compile(r"\$(P\d+.*|PAR|TOT|MODE|BYTEORD|DATATYPE|NEXTDATA|(BEGIN|END).*|SPILLOVER|COMP)|SPILL|COMP")


def with_columns(
    table: pa.Table, files: Sequence[FcsFile], *, keywords: Sequence[str], constants: Sequence[str], strict: bool
) -> tuple[pa.Table, list[str]]:
    """Return the table of sets, in the order of the files, with columns that the files bring, and the names of these.

    A column that the table has already stays as it is.

    Args:
        table: of the sets.
        files: one of each set.
        keywords: names of keywords, with or without their dollar sign.
        constants: channels that have one value in all events of a file.
        strict: refuse keywords that no file has.

    Raises:
        InputError: such a keyword.
    """
    found = keyword_columns(files, keywords, strict=strict)
    if constants:
        places = check_have(files, constants)
        events = [file.first(1)[0] for file in files]
        for n, name in enumerate(constants):
            found.setdefault(name, pa.array([float(one[own[n]]) for one, own in zip(events, places, strict=True)]))
    added = [name for name in found if name not in table.column_names]
    for name in added:
        table = table.append_column(name, found[name])
    return table, added


def keyword_columns(files: Sequence[FcsFile], names: Sequence[str], *, strict: bool) -> dict[str, pa.Array]:
    """Return keywords as columns ``(B,)``, missing where a file has none: numbers where all are, else text.

    Raises:
        InputError: a keyword that no file has, if ``strict``.
    """
    found = {}
    for name in names:
        values = [_value(file.keywords, name) for file in files]
        if strict and not any(values):
            differ = listed(_that_differ(files), 20)
            raise InputError(
                f"keywords (--keywords) must be in some file; none has {name!r}. These differ between files: "
                f"{differ or 'none'}."
            )
        texts = pa.array([value or None for value in values], pa.string())
        are_numbers = not any(not_numbers(texts, missing=()).to_pylist())
        found[name] = pa.array([None if x is None else float(x) for x in texts.to_pylist()]) if are_numbers else texts
    return found


def _value(keywords: Mapping[str, str], name: str) -> str | None:
    upper = name.upper()
    return keywords.get(upper) or keywords.get(f"${upper}") or None


def _that_differ(files: Sequence[FcsFile]) -> list[str]:
    """Return keywords that say something of the sample: not how data are laid out, and not the same in all files."""
    names = dict.fromkeys(name for file in files for name in file.keywords if not _LAYOUT.fullmatch(name))
    return [name for name in names if len({file.keywords.get(name) for file in files}) > 1]
