"""The reader of ROOT files and of awkward arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Root:
    """Events of a ROOT file or of an awkward array of records; the particles in their lists are the elements."""

    name = "ROOT files"
    suffixes = (".root",)
    help = "ROOT, whose events are sets"
    in_folders = ""
    features = "names of the branches that hold lists of numbers"
    extra = "root"
    packages = ("uproot", "awkward")
    options = (*ALWAYS, "tree")
    applies = ("order",)

    def takes(self, source: Any) -> bool:
        """Return whether a source is the path of a ROOT file, or an awkward array of records."""
        if isinstance(source, str | Path):
            return is_file_of(source, self.suffixes)
        return type(source).__module__.startswith("awkward") and bool(getattr(source, "fields", None))

    def has_names(self, _: Any) -> bool:
        """Return true: branches and fields have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read events as a nested table (`setwise.readers.root`)."""
        from setwise.readers.root import awkward_table, open_root  # costs what help does not wait for
        from setwise.readers.tables.read import read_table

        if isinstance(source, str | Path):
            return read_table(open_root(Path(source), request), request)
        return read_table(awkward_table(source, request.set_id), request)
