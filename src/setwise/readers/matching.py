"""Match the names of files in a table of sets to the files that are there."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from setwise._checks import InputError, counted
from setwise.readers.paths import label_of
from setwise.store.suffixes import stem_of, without_suffix
from setwise.store.tables import listed

_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{0,5}$", re.IGNORECASE)  # of files: ".svs", and not ".1" of "sample.1"


@dataclass(frozen=True)
class Matches:
    """The rows of a table of sets whose files are there.

    Attributes:
        rows: these rows.
        paths: the file of each.
        absent: names of files that are not there.
        notes: sentences on names that were not written as the files are.
    """

    rows: list[int]
    paths: list[Path]
    absent: list[str]
    notes: list[str]


def match_files(names: Sequence[str | None], paths: Sequence[Path], root: Path, *, where: str, column: str) -> Matches:
    """Match names to files: as they are written; then, for those left, by ever looser readings that one file alone has.

    A name may be the path of a file below the folder, or its name alone, with or without the suffix. What is left is
    matched by the last parts of a path, as paths of another computer are; then in any capitals; then without the
    suffix, which may be that of the file before it was processed (``slide.svs`` for ``slide.h5``).

    Args:
        names: of the table, a row each.
        paths: the files.
        root: the folder that their names are relative to.
        where: how errors name the table.
        column: of the names, for errors.

    Raises:
        InputError: a row without a name, a name of several files, a file that two rows name.
    """
    found: dict[Path, int] = {}
    how: dict[str, list[str]] = {}
    texts = [_named(name, row, where, column) for row, name in enumerate(names)]
    left = list(range(len(texts)))
    for words, keys_of_file, keys_of_name in _STEPS:
        if not left:
            break
        files = [path for path in paths if path not in found] if words else list(paths)
        index = _index(files, lambda path, keys=keys_of_file: keys(_plain(label_of(path, root))))
        if not words:
            index |= {_plain(label_of(path, root)): [path] for path in files}  # a path is the name of one file alone
        still = []
        for row in left:
            candidates = next((index[key] for key in keys_of_name(texts[row]) if key in index), [])
            if not candidates and not words:
                candidates = _elsewhere(texts[row], root, paths)
            if len(candidates) > 1:
                raise InputError(
                    f"{where}: {texts[row]!r} in row {row + 1} is the name of {len(candidates)} files: "
                    f"{listed([label_of(path, root) for path in candidates], 3)}. Write their paths below {root}."
                )
            if not candidates:
                still.append(row)
                continue
            if (other := found.setdefault(candidates[0], row)) != row:
                raise InputError(
                    f"{where}: every file must have one row; rows {other + 1} and {row + 1} of "
                    f"column {column!r} both name {candidates[0].name}. Drop one of them."
                )
            how.setdefault(words, []).append(texts[row])
        left = still
    how.pop("", None)
    notes = [
        f"column {column!r}: {counted(len(own), 'file')} matched {words}, such as {own[0]}"
        for words, own in how.items()
    ]
    in_order = sorted(found.items(), key=lambda item: item[1])
    return Matches([row for _, row in in_order], [path for path, _ in in_order], [texts[row] for row in left], notes)


def _named(name: str | None, row: int, where: str, column: str) -> str:
    text = _plain(name or "")
    if not text:
        raise InputError(f"{where}: every row must name its file; column {column!r} is empty in row {row + 1}.")
    return text


def _plain(text: str) -> str:
    """Return a name of a file as it compares: one form of accented letters (macOS has two), forward slashes."""
    return unicodedata.normalize("NFC", text.strip().replace("\\", "/").removeprefix("./"))


def _index(paths: Sequence[Path], keys: Callable[[Path], Iterator[str]]) -> dict[str, list[Path]]:
    """Return the files by every name that they may be given; where several have it, all of them."""
    index: dict[str, list[Path]] = {}
    for path in paths:
        for key in dict.fromkeys(keys(path)):
            index.setdefault(key, []).append(path)
    return index


def _elsewhere(name: str, root: Path, paths: Sequence[Path]) -> list[Path]:
    """Return the file at a path that the folder was not searched for: of another suffix, or in another folder."""
    for path in (root / name, Path(name)):
        if path.is_file():
            return [next((own for own in paths if own.name == path.name and own.samefile(path)), path)]
    return []


def _written(label: str) -> Iterator[str]:
    """Yield a path and its last part, each with and without the suffix that tells a format."""
    name = label[label.rfind("/") + 1 :]
    yield from (label, without_suffix(label), name, without_suffix(name))


def _ends(label: str) -> Iterator[str]:
    """Yield the last parts of a path, the longest first."""
    parts = label.split("/")
    yield from ("/".join(parts[first:]) for first in range(len(parts)))


def _ends_of_file(label: str) -> Iterator[str]:
    """Yield the last parts of a path, each with and without the suffix that tells a format."""
    for end in _ends(label):
        yield from (end, without_suffix(end))


def _bare(label: str) -> Iterator[str]:
    """Yield the last part of a path, with and without a suffix of letters."""
    name = label[label.rfind("/") + 1 :]
    yield from (name, _SUFFIX.sub("", name))


def _bare_of_file(label: str) -> Iterator[str]:
    yield from _bare(stem_of(Path(label)))


def _folded(keys: Callable[[str], Iterator[str]]) -> Callable[[str], Iterator[str]]:
    return lambda label: keys(label.casefold())


# How names are matched: in which words that is said (none of names as they are written), keys of files, keys of names.
_STEPS: tuple[tuple[str, Callable[[str], Iterator[str]], Callable[[str], Iterator[str]]], ...] = (
    ("", _written, lambda name: iter([name])),
    ("by the last parts of their paths", _ends_of_file, _ends),
    ("in other capitals", _folded(_ends_of_file), _folded(_ends)),
    ("without their suffix", _folded(_bare_of_file), _folded(_bare)),
)
