"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
        if isinstance(error, InputError) or not _is_about(error, aside):
            raise
        raise InputError(
            f"{path} could not be written: {error.strerror or error}. Nothing was left behind; "
            "free some space or choose a folder that can be written to."
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def _is_about(error: OSError, aside: Path) -> bool:
    """Whether the system refused the file being written, and not one that was being read."""
    return error.filename is None or Path(os.fsdecode(error.filename)) == aside
