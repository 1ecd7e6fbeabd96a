"""Find paths of files: single ones, those of a folder, and those that a pattern matches."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from setwise._checks import InputError
from setwise.store.suffixes import suffix_of

_SIGNS = "*?["


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
    """Yield the files below a folder, those that a pattern matches, or the one file; hidden ones are passed over."""
    path = Path(source)
    root = root_of(path)
    if path.is_dir():
        found = root.rglob("*")
    elif is_pattern(path):
        found = root.glob(str(path.relative_to(root)))
    else:
        found = iter([path])
    hidden = path.is_dir() or is_pattern(path)
    for one in found:
        if one.is_file() and not (hidden and any(part.startswith(".") for part in one.relative_to(root).parts)):
            yield one


def root_of(path: Path) -> Path:
    """Return the folder that names of files are relative to: of a pattern, the one before its first sign."""
    if path.is_dir():
        return path
    if not is_pattern(path):
        return path.parent
    first = next(place for place, part in enumerate(path.parts) if any(sign in part for sign in _SIGNS))
    return Path(*path.parts[:first])


def listed_files(source: Any, is_one: Callable[[Path], bool]) -> tuple[Path, list[Path]]:
    """Return the folder that names of files are relative to, and the files of a source, in order.

    Args:
        source: a folder, a pattern, the path of a file, or a list of paths, which keep their order.
        is_one: which files of a folder and matches of a pattern are listed.

    Raises:
        InputError: there is no such file or folder.
    """
    if isinstance(source, list | tuple):
        paths = [Path(x) for x in source]
        for path in paths:
            if not path.is_file():
                raise InputError(f"there is no file {path}.")
        return (paths[0].parent if len({path.parent for path in paths}) == 1 else Path()), paths
    path = Path(source)
    if not path.exists() and not is_pattern(path):
        raise InputError(f"there is no file or folder {path}.")
    return root_of(path), sorted(x for x in files_of(path) if path.is_file() or is_one(x))


def label_of(path: Path, root: Path) -> str:
    """Return the name of a file below a folder, with forward slashes; its whole path where it lies elsewhere."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()
