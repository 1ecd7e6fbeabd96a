"""Find paths of files: single ones, those of a folder, and those that a pattern matches."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from setwise._checks import InputError
from setwise.store.suffixes import suffix_of, without_suffix

_SIGNS = "*?["
ZARR = ".zarr"  # a folder that counts as a file
Listing = tuple[Path, list[Path], dict[Path, Path]]  # of `listed_files`


def is_file_of(source: Any, suffixes: Sequence[str]) -> bool:
    """Return whether a source is the path of one file, there or not, with one of some suffixes."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    return suffix_of(path) in suffixes and not path.is_dir() and not is_pattern(path)


def is_list_of(source: Any, is_one: Callable[[Path], bool]) -> bool:
    """Return whether a source is a list of paths of files, all of one kind."""
    if not isinstance(source, list | tuple) or not source:
        return False
    return all(isinstance(x, str | Path) and is_one(Path(x)) and not Path(x).is_dir() for x in source)


def is_pattern(path: Path) -> bool:
    """Return whether a path is a pattern (``*``, ``?``, ``[...]``), and not that of a file of such a name."""
    return any(sign in str(path) for sign in _SIGNS) and not path.exists()


def check_there(source: str | Path) -> None:
    """Refuse the path of a file or folder that is not there.

    Raises:
        InputError: it is not there, and no pattern.
    """
    path = Path(source)
    if not path.exists() and not is_pattern(path):
        raise InputError(f"there is no file {'' if path.suffix else 'or folder '}{path}.")


def files_of(source: str | Path) -> Iterator[Path]:
    """Yield the files below a folder, those that a pattern matches, or the one file; hidden ones are passed over.

    Links to folders are followed, each folder once; a link to a file that is gone is yielded, for its reader to say so.

    Raises:
        InputError: a folder that may not be read.
    """
    path = Path(source)
    if path.is_dir():
        yield from _below(path)
    elif is_pattern(path):
        root = root_of(path)
        for one in root.glob(str(path.relative_to(root))):
            hidden = any(part.startswith(".") for part in one.relative_to(root).parts)
            is_file = (one.is_file() or one.is_symlink()) and not one.is_dir()
            if not hidden and (is_file or suffix_of(one) == ZARR):
                yield one
    elif path.is_file():
        yield path


def _below(root: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it; folders behind links come last, none of them twice."""
    real = os.path.realpath(root)
    above = {str(parent) for parent in Path(real).parents}
    seen: set[str] = set()
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        where = os.path.realpath(folder)
        if where in seen or where in above:
            continue
        seen.add(where)
        try:
            with os.scandir(folder) as entries:
                inside = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise InputError(f"{folder} cannot be read: {error.strerror}.") from error
        for entry in inside:
            is_folder = _is_folder(entry)
            if is_folder and suffix_of(Path(entry.name)) != ZARR:
                (links if entry.is_symlink() else folders).append(folder / entry.name)
            elif is_folder or entry.is_symlink() or entry.is_file():
                yield folder / entry.name


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a folder, or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def root_of(path: Path) -> Path:
    """Return the folder that names of files are relative to: of a pattern, the one before its first sign."""
    if path.is_dir():
        return path
    if not is_pattern(path):
        return path.parent
    first = next(place for place, part in enumerate(path.parts) if any(sign in part for sign in _SIGNS))
    return Path(*path.parts[:first])


def listed_files(source: Any, is_one: Callable[[Path], bool]) -> Listing:
    """Return the folder that names of files are relative to, and the files of a source, in order.

    A link to a file that is listed itself is none of them: such links and their files are the third that is returned.

    Args:
        source: a folder, a pattern, the path of a file, or a list of paths, which keep their order.
        is_one: which files of a folder and matches of a pattern are listed.

    Raises:
        InputError: there is no such file or folder.
    """
    if isinstance(source, list | tuple):
        paths = [Path(x) for x in source]
        for path in paths:
            if not path.is_file() and suffix_of(path) != ZARR:
                raise InputError(f"there is no file {path}.")
        return (paths[0].parent if len({path.parent for path in paths}) == 1 else Path()), paths, {}
    path = Path(source)
    if not path.exists() and not is_pattern(path):
        raise InputError(f"there is no file or folder {path}.")
    found = sorted(x for x in files_of(path) if path.is_file() or is_one(x))
    doubles = _doubles(found)
    return root_of(path), [x for x in found if x not in doubles] if doubles else found, doubles


def _doubles(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the links to files that are among the paths themselves, or behind an earlier link, with these files."""
    links = [path for path in paths if path.is_symlink()]
    if not links:
        return {}
    linked = set(links)
    real = {os.path.realpath(path): path for path in paths if path not in linked}
    found: dict[Path, Path] = {}
    for link in links:
        if (file := real.setdefault(os.path.realpath(link), link)) != link:
            found[link] = file
    return found


def label_of(path: Path, root: Path) -> str:
    """Return the name of a file below a folder, with forward slashes; its whole path where it lies elsewhere."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def name_of(path: Path, root: Path) -> str:
    """Return the name of a set whose file this is: that of the file below a folder, without the suffix."""
    return without_suffix(label_of(path, root))
