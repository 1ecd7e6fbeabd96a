"""The files of a run directory: written whole or not at all, and errors that name them."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setwise._checks import InputError
from setwise.data.files import whole_or_nothing


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by one rename: whoever opens it, after any crash, finds the whole of the old or the new one.

    Raises:
        InputError: the directory cannot be written to, or the disk is full; an older file is left as it was.
    """
    with whole_or_nothing(path) as aside:
        aside.write_bytes(content)


def append_line(path: Path, line: str) -> None:
    """Add one line to a text file, in one write.

    Raises:
        InputError: as for `write_whole`.
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
    """SHA-256 of the content, in hexadecimal."""
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
