"""The reader of folders and patterns with one file per set, or with one table in several files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import files_of, is_file_of, is_list_of, is_pattern
from setwise.readers.reader import ALWAYS
from setwise.store.suffixes import ARROW_SUFFIXES, TABLE_SUFFIXES, suffix_of

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore

_SINGLE = (".npy", ".pt", ".pth", ".h5", ".hdf5")  # one such file that no other reader takes is a set as well
_TABLES = tuple(suffix for suffix in TABLE_SUFFIXES if suffix not in ARROW_SUFFIXES)


class Folders:
    """A folder, a pattern or a list of files: arrays or tables of one set each, or one table in several files."""

    name = "files of one set each"
    suffixes = (*_SINGLE, ".npz", *_TABLES)
    help = "folder or pattern with one file per set, or with one table in several files"
    in_folders = "files of one set each"
    features = "names of the numeric columns of tables; of arrays x0, x1 and so on, or as --features says"
    extra = None
    packages = ()
    options = (*ALWAYS, "file_column", "skip_bad", "aliases", "types")
    applies = ()
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is a folder, a pattern or a list with such files, or a single file with an array."""
        if isinstance(source, list | tuple):
            return is_list_of(source, lambda path: suffix_of(path) in self.suffixes)
        return is_file_of(source, _SINGLE) or self._first(source) is not None

    def has_names(self, source: Any, /) -> bool:
        """Return whether the files are tables, whose columns have names."""
        first = Path(source[0]) if isinstance(source, list | tuple) else self._first(source)
        return first is not None and suffix_of(first) in TABLE_SUFFIXES

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read all files (`setwise.readers.folders.read.read_folder`)."""
        from setwise.readers.folders.read import read_folder  # costs what help does not wait for

        return read_folder(source, request)

    def panels(self, source: Any, request: "ReadRequest") -> dict[str, list[str]]:
        """Return the names of the columns of numbers of each table (`setwise.readers.folders.read.panels_of`)."""
        from setwise.readers.folders.read import panels_of  # costs what help does not wait for

        return panels_of(source, request)

    def _first(self, source: Any) -> Path | None:
        """Return one of the files of a folder or a pattern; none of other sources."""
        if not isinstance(source, str | Path) or not (Path(source).is_dir() or is_pattern(Path(source))):
            return None
        return next((path for path in files_of(source) if suffix_of(path) in self.suffixes), None)
