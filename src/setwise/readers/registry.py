"""All readers, in the order in which they are asked: which takes a source, and what can be read.

A format is a file in `setwise.readers.formats` and a line here, beside the file or folder that reads it.
One whose files can be copied with results has what a protocol of `setwise.readers.copier` asks for, too.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from setwise._checks import InputError
from setwise.readers.copier import Copier, SetsCopier
from setwise.readers.formats.anndata import AnnData
from setwise.readers.formats.arrays import Arrays
from setwise.readers.formats.containers import Containers
from setwise.readers.formats.fcs import Fcs
from setwise.readers.formats.folders import Folders
from setwise.readers.formats.hdf5 import Hdf5
from setwise.readers.formats.npz import Npz
from setwise.readers.formats.root import Root
from setwise.readers.formats.stores import Stores
from setwise.readers.formats.tables import Tables
from setwise.readers.paths import files_of, is_pattern
from setwise.readers.reader import OF_SETS, Reader
from setwise.readers.reading import READING
from setwise.store.steps import step_of

READERS: tuple[Reader, ...] = (
    Stores(),
    Containers(),
    Tables(),
    AnnData(),
    Hdf5(),
    Npz(),
    Root(),
    Fcs(),
    Folders(),
    Arrays(),
)
COPIERS = tuple(reader for reader in READERS if isinstance(reader, Copier))
SETS_COPIERS = tuple(reader for reader in READERS if isinstance(reader, SetsCopier))


def reader_of(source: Any) -> Reader:
    """Return the first reader that takes a source.

    Raises:
        InputError: a path that none takes.
        TypeError: an object that none takes.
    """
    for place, reader in enumerate(READERS):
        if reader.takes(source):
            if isinstance(source, str | Path) and Path(source).is_dir() and reader.in_folders:
                _check_one_kind(Path(source), READERS[place:])
            return reader
    if not isinstance(source, str | Path):
        raise TypeError(f"sets must be a path, a table, a list of arrays or a store; got {type(source).__name__}.")
    raise InputError(_refusal(Path(source)))


def _check_one_kind(folder: Path, readers: Sequence[Reader]) -> None:
    """Refuse a folder with files of several formats that each have a reader of their own."""
    own = [reader for reader in readers if reader.in_folders and not isinstance(reader, Folders)]
    found = {suffix: 0 for reader in own for suffix in reader.suffixes}
    for path in files_of(folder):
        if path.suffix.lower() in found:
            found[path.suffix.lower()] += 1
    kinds = [reader for reader in own if any(found[suffix] for suffix in reader.suffixes)]
    if len(kinds) > 1:
        told = ", ".join(f"{count:,} {suffix}" for suffix, count in found.items() if count)
        raise InputError(
            f"{folder} must have files of one format; it has {told}. Name those that are meant by a pattern, such as "
            f"'{folder / ('*' + kinds[0].suffixes[0])}'."
        )


def _refusal(path: Path) -> str:
    """Say what is wrong with a path that no reader takes, all that is read, and the step to it."""
    known = f"what is read is {readable()}"
    if path.is_dir() or is_pattern(path):
        found = [one.suffix.lower() or "without a suffix" for one in files_of(path)]
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in Counter(found).most_common(4))
        first = next(files_of(path), None)
        step = "" if first is None else f" {step_of(first)}"
        if path.is_dir():
            return f"{path} is a folder without files that are read (it has {kinds or 'none'}); {known}.{step}"
        return f"{path} matches no files that are read ({kinds or 'none at all'}); {known}.{step}"
    if not path.is_file():
        return f"there is no file {path}."
    return f"{path} has no suffix that tells its format; {known}. {step_of(path)}"


def readable() -> str:
    """Return all that can be read from files, with the suffixes, for help and errors."""
    return "; ".join(f"{reader.help} ({', '.join(reader.suffixes)})" for reader in READERS if reader.help)


def copier_of(source: Any) -> Copier:
    """Return the reader of files that can be copied with further columns for their elements.

    Raises:
        InputError: a source that cannot be copied so, or that no reader takes.
    """
    reader = reader_of(source)
    if isinstance(reader, Copier) and isinstance(source, str | Path | list | tuple):
        return reader
    kinds = " and ".join(f"{other.name} ({', '.join(other.suffixes)})" for other in COPIERS)
    told = str(source) if isinstance(source, str | Path) else "the source"
    raise InputError(f"copies with further columns are made of {kinds}; {told} is neither. Leave copies out.")


def copyable() -> str:
    """Return all that can be copied with further columns, for help."""
    return ", ".join(f"{reader.name} with {reader.columns}" for reader in COPIERS)


def refuse_options(reader: Reader, given: tuple[str, ...], source: Any) -> None:
    """Refuse choices of reading that the reader of a source does not have.

    Args:
        reader: of the source.
        given: names of the choices that were made.
        source: for the message.

    Raises:
        InputError: such a choice, by name.
    """
    for declaration in READING:
        name = declaration.field
        if name in given and name not in (*reader.options, *OF_SETS):
            having = ", ".join(other.name for other in READERS if name in other.options)
            own = f", which have {', '.join(reader.options)}" if reader.options else ""
            told = str(source) if isinstance(source, str | Path) else "the source"
            raise InputError(
                f"{name} ({declaration.flag}) is a choice for {having}; {told} is of {reader.name}{own}. "
                f"Leave {name} out."
            )
