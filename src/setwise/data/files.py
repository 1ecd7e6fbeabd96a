"""Files that appear whole or not at all."""

import errno
import os
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
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A name to write to, beside ``path``; renamed to ``path`` once the block ends, removed if it fails.

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
    """Whether the system refused what was being written, and not what was being read."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
        return True
    return error.filename is not None and Path(os.fsdecode(error.filename)).parent == folder
