"""The reader of NumPy's .npz files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Npz:
    """NumPy files that hold the elements of all sets one after the other, and the sizes of the sets."""

    name = ".npz files"
    suffixes = (".npz",)
    help = "NumPy, with the elements x of all sets and their sizes n, or padded X"
    in_folders = ""
    features = "an array of names, else x0, x1 and so on, or as --features says"
    extra = None
    packages = ()
    options = ALWAYS
    applies = ()
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is the path of an .npz file."""
        return is_file_of(source, self.suffixes)

    def has_names(self, source: Any) -> bool:
        """Return whether a file has an array with the names of its features."""
        from setwise.readers.npz import has_names  # costs what help does not wait for

        return has_names(Path(source))

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read the elements, the sizes, and arrays with a row per set (`setwise.readers.npz.read_npz`)."""
        from setwise.readers.npz import read_npz  # costs what help does not wait for

        return read_npz(Path(source), request)
