"""Read a folder, a pattern or a list of files: arrays or tables that are a set each, or one table in several files."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from setwise._checks import InputError
from setwise.readers.files import SetFiles, find_files
from setwise.readers.folders.arrays import read_arrays
from setwise.readers.folders.columns import number_columns
from setwise.readers.folders.parts import is_one_table, read_parts
from setwise.readers.folders.tables import open_part, read_tables
from setwise.readers.formats.folders import Folders
from setwise.readers.paths import listed_files, name_of
from setwise.readers.request import ReadRequest
from setwise.store.store import SetStore
from setwise.store.suffixes import TABLE_SUFFIXES, suffix_of
from setwise.store.tables import listed

_SAME = {".hdf5": ".h5", ".pq": ".parquet", ".tab": ".tsv"}  # suffixes of one format


def read_folder(source: Any, request: ReadRequest) -> SetStore:
    """Read one file per set, or one table in several files: all are looked at first, then read one after the other.

    Files are one table where each of them has rows of several sets, in a column ``set_id``, or lists; otherwise each is
    a set. Such sets are named by the table of sets, else by their files, without the suffix and below the folder.
    Columns of tables keep their names; features of arrays ``(n_i, D)`` are x0, x1 and so on, or as the request names
    them.

    Args:
        source: a folder, a pattern, a file or a list of files.
        request: what is asked of reading.

    Raises:
        InputError: files of several formats or features; one that is empty or cannot be read, unless ``skip_bad``; a
            table of sets that does not fit.
    """
    listing = listed_files(source, _is_one(request))
    root, paths, _ = listing
    suffix = _check_one_format(paths)
    if suffix in TABLE_SUFFIXES and is_one_table(paths, request):
        return read_parts(paths, root, request)
    files = find_files(listing, request, kind=Folders.name, id_of=name_of)
    _check_one_format(files.paths)  # the table of sets may name others
    _check_ids(files, source)
    if suffix in TABLE_SUFFIXES:
        return read_tables(files, request)
    return read_arrays(files, request)


def panels_of(source: Any, request: ReadRequest) -> dict[str, list[str]]:
    """Return the names of the columns of numbers of each table of a folder; of arrays none, whose columns have none."""
    tables = [path for path in listed_files(source, _is_one(request))[1] if suffix_of(path) in TABLE_SUFFIXES]
    schemas = {path.name: open_part(path, request.set_id).schema for path in tables}
    return {name: number_columns(schema) for name, schema in schemas.items()}


def _is_one(request: ReadRequest) -> Callable[[Path], bool]:
    """Return what says whether a file of a folder is read: of a known suffix, and not the table of sets."""
    table = Path(request.sets_name).resolve() if request.sets_name and Path(request.sets_name).is_file() else None
    return partial(_is_read, table=table)


def _is_read(path: Path, *, table: Path | None) -> bool:
    return suffix_of(path) in Folders.suffixes and (table is None or path.name != table.name or path.resolve() != table)


def _check_one_format(paths: Sequence[Path]) -> str:
    """Return the suffix of all files; refuse those of several formats."""
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        suffix = suffix_of(path)
        kinds.setdefault(_SAME.get(suffix, suffix), []).append(path)
    if len(kinds) > 1:
        told = "; ".join(f"{len(own)} {suffix} ({listed([x.name for x in own], 2)})" for suffix, own in kinds.items())
        most = max(kinds, key=lambda suffix: len(kinds[suffix]))
        raise InputError(
            f"all files must be of one format, each of them a set; got {told}. Name those that are meant by a pattern, "
            f"such as '{paths[0].parent / ('*' + most)}', and a table of sets with --sets."
        )
    return next(iter(kinds), "")


def _check_ids(files: SetFiles, source: Any) -> None:
    first: dict[str, Path] = {}
    for name, path in zip(files.ids, files.paths, strict=True):
        if first.setdefault(name, path) != path:
            raise InputError(
                f"{source}: every file must be another set; {first[name].name} and {path.name} are both set {name!r}. "
                "Rename one, or name the sets in a table of sets (--sets)."
            )
