"""The reader of ROOT files and of awkward arrays."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import files_of, is_file_of, is_list_of, is_pattern, listed_files
from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Root:
    """Events of a ROOT file or of an awkward array of records; the particles in their lists are the elements."""

    name = "ROOT files"
    suffixes = (".root",)
    help = "ROOT, whose events are sets: a file, or a folder or a pattern of several"
    in_folders = "ROOT files"
    features = "names of the branches that hold lists of numbers"
    extra = "root"
    packages = ("uproot", "awkward")
    options = (*ALWAYS, "tree", "skip_bad", "types")
    applies = ("order",)
    words = ("events", "particles")

    def takes(self, source: Any) -> bool:
        """Return whether a source is a ROOT file, a folder, a pattern or a list of them, or an awkward array."""
        if isinstance(source, list | tuple):
            return is_list_of(source, self._is_file)
        if isinstance(source, str | Path):
            path = Path(source)
            several = path.is_dir() or is_pattern(path)
            return any(map(self._is_file, files_of(path))) if several else is_file_of(path, self.suffixes)
        return type(source).__module__.startswith("awkward") and bool(getattr(source, "fields", None))

    def has_names(self, _: Any) -> bool:
        """Return true: branches and fields have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read events as a nested table (`setwise.readers.root`)."""
        from setwise.readers.root import awkward_table, open_root  # costs what help does not wait for
        from setwise.readers.tables.read import read_table

        if isinstance(source, str | Path) and is_file_of(source, self.suffixes):
            return read_table(open_root(Path(source), request), request)
        if isinstance(source, str | Path | list | tuple):
            from setwise.readers.folders.parts import read_parts

            root, paths, _ = listed_files(source, self._is_file)
            return read_parts(paths, root, request, partial(open_root, request=request))
        return read_table(awkward_table(source, request.set_id), request)

    def _is_file(self, path: Path) -> bool:
        return path.suffix.lower() in self.suffixes
