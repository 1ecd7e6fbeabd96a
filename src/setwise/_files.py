"""Write files that appear whole or not at all, and explain the errors of the system by the file's name."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from setwise._checks import InputError


def check_new(path: Path) -> None:
    """Refuse a path that exists, or whose folder does not."""
    if path.exists():
        raise InputError(f"{path} exists already. Delete it first, or choose another name.")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}. Make it first.")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a name to write to, beside ``path``; rename it to ``path`` once the block ends, remove it if it fails.

    Raises:
        InputError: the folder is missing or read-only, the disk is full, or the system refuses the file otherwise.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        if not _is_about(error, path.parent):
            raise
        raise InputError(
            f"{path} could not be written: {error.strerror or error}. Nothing of it was left behind; "
            "free some space or choose a folder that can be written to."
        ) from error
    finally:
        with suppress(OSError):  # what could not be made cannot be removed
            aside.unlink()


def _is_about(error: OSError, folder: Path) -> bool:
    """Return whether the system refused what was being written, and not what was being read."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
        return True
    return error.filename is not None and Path(os.fsdecode(error.filename)).parent == folder


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file by one rename: whoever opens it, after any crash, finds the whole of the old or the new one.

    Raises:
        InputError: the directory cannot be written to, or the disk is full; an older file is left as it was.
    """
    with atomic_write(path) as aside:
        aside.write_bytes(content)


def append_line(path: Path, line: str) -> None:
    """Add one line to a text file, in one write.

    Raises:
        InputError: as for `write_atomic`.
    """
    with _explained(path), path.open("ab") as file:
        file.write(line.encode() + b"\n")


def make_directory(path: Path) -> None:
    """Make a directory, with its parents, and prove that files can be written to it.

    Raises:
        InputError: it cannot be made or written to.
    """
    with _explained(path):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass


def remove_partials(directory: Path) -> None:
    """Remove what killed runs left aside."""
    for partial in directory.glob(".*.partial"):
        partial.unlink(missing_ok=True)


def checksum(content: bytes) -> str:
    """Return the SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} could not be written: {error.strerror or error}. What was written before is kept; "
            "free some space or choose a directory that can be written to."
        ) from error
