"""Find the files of tasks, fetch them, and check that they are what they should be."""

import filecmp
import hashlib
import os
import shutil
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from setwise._checks import InputError
from setwise._files import atomic_write
from setwise.tasks.task import RemoteFile, Source, Task

Progress = Callable[[str, int, int | None], None]
_HOME = "SETWISE_DATA"
_BLOCK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
# What reading a damaged zip archive raises.
ARCHIVE_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


def data_home() -> Path:
    """Return the folder for files of tasks: the environment's SETWISE_DATA, or ``~/.cache/setwise``."""
    given = os.environ.get(_HOME)
    return Path(given) if given else Path.home() / ".cache" / "setwise"


def directory_of(task: Task, given: Path | None = None) -> Path | None:
    """Return the directory with a task's files; none for a task that needs none.

    Args:
        task: which one.
        given: a directory of files at hand, used as it is; by default where `get` puts them.

    Raises:
        InputError: a file is missing, with the command that gets it.
    """
    if task.source is None:
        return None
    directory = data_home() / task.source.folder if given is None else given
    if any(_has(directory, way) for way in _ways(task.source)):
        return directory
    missing = [file.name for file in task.source.files if not (directory / file.name).is_file()]
    raise InputError(f"{task.name} needs {', '.join(missing)} in {directory}. {_how(task)}")


def get(task: Task, *, source: Path | None = None, progress: Progress | None = None) -> Path | None:
    """Fetch the files of a task, or copy them from a directory; the directory where they are now.

    Files that are there and have the right checksum are left alone; so are whole archives whose checksum is not known.
    A download that was cut off goes on where it ended. A file appears under its name only when it is whole and right.

    Args:
        task: which one; a task whose sets are made needs nothing.
        source: a directory with files at hand, or none to download.
        progress: told a file's name, the bytes done and the bytes in all (none where unknown).

    Raises:
        InputError: a file that cannot be had this way, a wrong checksum, no connection, a full disk.
    """
    if task.source is None:
        return None
    directory = data_home() / task.source.folder
    directory.mkdir(parents=True, exist_ok=True)
    if source is not None:
        _copy_all(task, source, directory)
        return directory
    for file in task.source.files:
        target = directory / file.name
        if target.is_file() and _fault(target, file) is None:
            continue
        if file.url is None:
            raise InputError(f"{file.name} cannot be downloaded without a form. {_how(task)}")
        download(file, target, progress=progress)
    return directory


def download(file: RemoteFile, target: Path, *, progress: Progress | None = None) -> None:
    """Fetch one file to ``target``, going on with what an earlier try left in ``<target>.part``.

    Raises:
        InputError: no connection, an answer that is not the file, or a wrong checksum.
    """
    assert file.url is not None
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch(file, part, progress)
    except (urllib.error.URLError, HTTPException, OSError) as error:
        kept = f"What has arrived is kept in {part}; the same command goes on. " if part.is_file() else ""
        raise InputError(
            f"{file.url} could not be fetched: {error}. {kept}Files at hand are taken with --from DIRECTORY."
        ) from error
    if fault := _fault(part, file):
        part.unlink()
        raise InputError(
            f"What {file.url} gave {fault}, and was removed. Try again, or take a copy at hand with --from DIRECTORY."
        )
    part.replace(target)


def _fetch(file: RemoteFile, part: Path, progress: Progress | None) -> None:
    """Fetch what the part of a file lacks, or all of the file where the server does not go on from there."""
    have = part.stat().st_size if part.is_file() else 0
    if file.size is not None and have >= file.size:
        if have == file.size:
            return
        have = 0
    if not (have and _go_on(file, part, have, progress)):
        _receive(file, part, 0, progress)


def _go_on(file: RemoteFile, part: Path, have: int, progress: Progress | None) -> bool:
    """Add what a part of a file lacks; false where it is no part of what the server has."""
    try:
        return _receive(file, part, have, progress)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        return error.headers.get("Content-Range") == f"bytes */{have}"  # nothing is lacking


def _receive(file: RemoteFile, part: Path, have: int, progress: Progress | None) -> bool:
    """Write what the server sends from byte ``have`` on; false where it sends another range than was asked for."""
    assert file.url is not None
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        if answer.status != 206:
            have = 0
        elif have and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return False
        length = answer.headers.get("Content-Length")
        total = None if length is None else have + int(length)
        done = have
        with part.open("ab" if have else "wb") as out:
            while block := answer.read1(_BLOCK):  # as it arrives; read() loses what came of a broken chunk
                out.write(block)
                done += len(block)
                if progress is not None:
                    progress(file.name, done, total)
    if total is not None and done < total:
        raise OSError(f"the connection ended after {done} of {total} bytes")
    return True


def _copy_all(task: Task, source: Path, directory: Path) -> None:
    """Copy what the task needs, the first of its ways that the directory has whole."""
    assert task.source is not None
    if not source.is_dir():
        raise InputError(f"--from must be a directory with the files of {task.name}; got {source}.")
    way = next((way for way in _ways(task.source) if _has(source, way)), None)
    if way is None:
        choices = "; or ".join(", ".join(patterns) for patterns in _ways(task.source))
        raise InputError(f"{source} must hold {choices}. It does not.")
    checks = {file.name: file for file in task.source.files}
    for path in (path for pattern in way for path in sorted(source.glob(pattern))):
        target = directory / path.relative_to(source)
        if path.name in checks and (fault := _fault(path, checks[path.name])):
            raise InputError(f"{path} {fault}. Take a whole copy, or get it again.")
        if target.is_file() and filecmp.cmp(path, target, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as aside:
            shutil.copyfile(path, aside)


def _ways(source: Source) -> list[tuple[str, ...]]:
    """Return patterns of files that are enough together; the published files first."""
    return [tuple(file.name for file in source.files), *source.instead]


def _has(directory: Path, way: tuple[str, ...]) -> bool:
    return directory.is_dir() and all(next(directory.glob(pattern), None) is not None for pattern in way)


def _fault(path: Path, file: RemoteFile) -> str | None:
    """Say what is wrong with a file: its checksum or, where none is known, an archive that cannot be unpacked."""
    if file.md5 is not None:
        right, requirement = _md5(path) == file.md5, f"have the checksum {file.md5}"
    else:
        right, requirement = not file.name.endswith(".zip") or _is_whole(path), "be a whole zip archive"
    return None if right else f"must {requirement}; it is damaged or another file"


def _md5(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _is_whole(path: Path) -> bool:
    """Return whether a zip archive holds files and all of them can be unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.namelist()) and archive.testzip() is None
    except ARCHIVE_ERRORS:
        return False


def _how(task: Task) -> str:
    assert task.source is not None
    if all(file.url for file in task.source.files):
        return f"Fetch them with: setwise data get {task.name}"
    return (
        f"Get them from {task.source.page} ({task.source.licence}), then: setwise data get {task.name} --from DIRECTORY"
    )
