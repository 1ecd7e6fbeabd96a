"""Find the files of a source with one file per set, and the rows of the table of sets that name them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from setwise._checks import EmptySetError, InputError, counted
from setwise.readers.matching import match_files
from setwise.readers.paths import Listing, label_of
from setwise.readers.request import ReadRequest
from setwise.store.ids import texts
from setwise.store.tables import listed

FILE, FOLDER = "file", "folder"  # columns of the sets that say from which file or folder each is
FILE_COLUMNS = ("fcs_filename", "fcs_file", "filename", "file_name", "file", "fcs", "path")
_T = TypeVar("_T")
_LEAVE_OUT = "or leave out whatever does not fit (--skip-bad)"


@dataclass
class SetFiles:
    """Files, each of them a set, with the table of sets in the same order.

    Attributes:
        paths: the files.
        ids: names of the sets.
        table: rows of the table of sets, the names of the sets first; none without a table.
        skipped: files and rows that were left out, and why.
        problems: what is at fault, where reading is to go on.
        notes: what people should know of how files were found, one sentence each.
    """

    paths: list[Path]
    ids: list[str]
    table: pa.Table | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, rows: Sequence[int]) -> "SetFiles":
        """Return some of the files."""
        table = None if self.table is None else self.table.take(pa.array(np.asarray(rows, np.int64)))
        paths, ids = [self.paths[row] for row in rows], [self.ids[row] for row in rows]
        return SetFiles(paths, ids, table, self.skipped, self.problems, self.notes)

    def copy_names(self) -> dict[str, str]:
        """Return names of copies by the names of the sets: the files' own; where two have one, the set's."""
        own = Counter(path.name for path in self.paths)
        return {
            name: path.name if own[path.name] == 1 else f"{name.replace('/', '_')}{path.suffix}"
            for name, path in zip(self.ids, self.paths, strict=True)
        }


def find_files(
    listing: Listing,
    request: ReadRequest,
    *,
    kind: str,
    id_of: Callable[[Path, Path], str] = label_of,
) -> SetFiles:
    """Find the files of the sets and bring the table of sets into their order.

    The table names files in the column ``file_column``, else in one with a usual name, else by ``set_id``, else in the
    only column that names a file in every row: as `setwise.readers.matching.match_files` matches them. Without a table,
    files of several folders get a column ``folder``.

    Args:
        listing: the files (`setwise.readers.paths.listed_files`).
        request: what is asked of reading; with ``skip_bad``, files without rows and rows without files are left out.
        kind: of the files, for errors: "FCS files".
        id_of: the name of a set from its path and the folder, where the table has none.

    Raises:
        InputError: a table without names of files, rows without files, files without rows, one file twice.
    """
    root, paths, doubles = listing
    skipped = {label_of(link, root): f"it is a link to {label_of(file, root)}" for link, file in doubles.items()}
    if request.sets is None:
        ids = [id_of(path, root) for path in paths]
        return SetFiles(paths, ids, _folders(paths, ids, root, request.set_id), skipped=skipped)
    table, where = request.sets, request.sets_name
    column = _file_column(table, where, request.set_id, request.reading.file_column) or _that_names_all(
        table, paths, root, where
    )
    names = texts(table[column].combine_chunks(), column=column, where=where)
    matches = match_files(names, paths, root, where=where, column=column)
    if not matches.rows:
        raise InputError(
            f"{where}: column {column!r} names none of the {len(paths)} {kind} below {root}: it has "
            f"{listed(names, 3)}; the files are {listed([label_of(path, root) for path in paths], 3)}. "
            "Name the column of files with --file-column, or write the names as the files have them."
        )
    kept = table.take(pa.array(matches.rows, pa.int64()))
    ids = [id_of(path, root) for path in matches.paths]
    if request.set_id in table.column_names:
        ids = texts(kept[request.set_id].combine_chunks(), column=request.set_id, where=where)
        kept = kept.drop_columns([request.set_id])
    own = kept.add_column(0, request.set_id, pa.array(ids, pa.string()))
    files = SetFiles(matches.paths, ids, own, skipped, notes=matches.notes)
    found = set(matches.paths)
    _tell(files, matches.absent, [path for path in paths if path not in found], root, where, column, request)
    return files


def opened_files(
    files: SetFiles, opener: Callable[[Path], _T], request: ReadRequest, *, kind: str
) -> tuple[SetFiles, list[_T]]:
    """Open every file; those that cannot be read are left out where that was asked for, or to inspect the others.

    Args:
        files: as they were found.
        opener: what opens one, and refuses it by `InputError`.
        request: what is asked of reading.
        kind: of the files, for errors: "FCS files".

    Returns:
        The files that can be read, and what each was opened as.

    Raises:
        InputError: a file that cannot be read, unless ``skip_bad``; none that can.
    """
    rows: list[int] = []
    opened: list[_T] = []
    bad: dict[str, str] = {}
    for row, path in enumerate(files.paths):
        try:
            opened.append(opener(path))
            rows.append(row)
        except EmptySetError as error:
            (files.skipped if request.reading.drop_empty else bad)[files.ids[row]] = str(error)
        except InputError as error:
            bad[files.ids[row]] = str(error)
    if bad and request.reading.skip_bad and not rows:
        raise InputError(f"none of the {len(bad)} {kind} can be read. The first: {next(iter(bad.values()))}")
    if bad and not request.reading.skip_bad:
        others = (
            f" Besides, {counted(len(bad) - 1, 'file')} cannot be read: {listed(list(bad)[1:], 5)}."
            if len(bad) > 1
            else ""
        )
        advice = "" if len(files.paths) == 1 else " Leave out what cannot be read with --skip-bad."
        problem = f"{next(iter(bad.values()))}{others}{advice}"
        if request.strict or not rows:
            raise InputError(problem)
        files.problems.append(problem)
    files.skipped |= bad
    if not rows:
        raise InputError(f"none of the {len(files.paths)} {kind} has an element.")
    return files.take(rows) if len(rows) < len(files.paths) else files, opened


def _folders(paths: Sequence[Path], ids: Sequence[str], root: Path, set_id: str) -> pa.Table | None:
    """Return the folder of each file, which may say what the file is; none where all lie in one."""
    folders = [label_of(path.parent, root) for path in paths]
    if len(set(folders)) < 2 or set_id == FOLDER:
        return None
    return pa.table({set_id: pa.array(list(ids), pa.string()), FOLDER: pa.array(folders)})


def _that_names_all(table: pa.Table, paths: Sequence[Path], root: Path, where: str) -> str:
    """Return the only column whose every row names another file.

    Raises:
        InputError: there is none, or there are several.
    """
    found = []
    for name in table.column_names:
        try:
            names = texts(table[name].combine_chunks(), column=name, where=where)
            matches = match_files(names, paths, root, where=where, column=name)
        except InputError:
            continue
        if len(matches.paths) == len(paths) and not matches.absent:
            found.append(name)
    if len(found) != 1:
        raise InputError(
            f"{where} must have a column that names the file of each set; it has {listed(table.column_names)}. "
            "Name the column with --file-column."
        )
    return found[0]


def _file_column(table: pa.Table, where: str, set_id: str, file_column: str | None) -> str | None:
    """Return the column of a table of sets that names their files by what it is called; none where none does."""
    if file_column is not None:
        if file_column not in table.column_names:
            raise InputError(f"{where} has no column {file_column!r}; it has {listed(table.column_names)}.")
        return file_column
    usual = [name for name in table.column_names if name.strip().lower().replace(" ", "_") in FILE_COLUMNS]
    if len(usual) > 1:
        first = min(usual, key=lambda name: FILE_COLUMNS.index(name.strip().lower().replace(" ", "_")))
        usual = [first]
    if usual:
        return usual[0]
    return set_id if set_id in table.column_names else None


def _tell(
    found: SetFiles,
    absent: Sequence[str],
    unlabelled: Sequence[Path],
    root: Path,
    where: str,
    column: str,
    request: ReadRequest,
) -> None:
    """Refuse rows without files and files without rows, keep them as problems, or leave them out."""
    labels = [label_of(path, root) for path in unlabelled]
    if request.reading.skip_bad or request.reading.drop_unlabelled:
        found.skipped |= dict.fromkeys(absent, f"{where} names it, and there is no such file")
        found.skipped |= dict.fromkeys(labels, f"{where} has no row for it")
        return
    if absent:
        found.problems.append(
            f"{where}: every file must be there; {len(absent)} of those that column {column!r} names are not below "
            f"{root}: {listed(absent, 5)}. Mend the names, {_LEAVE_OUT}."
        )
    if labels:
        found.problems.append(
            f"{where}: every file must have a row; {len(labels)} below {root} have none in column {column!r}: "
            f"{listed(labels, 5)}. Add their rows, {_LEAVE_OUT}."
        )
    if request.strict and found.problems:
        raise InputError(found.problems[0])
