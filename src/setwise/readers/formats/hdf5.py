"""The reader of HDF5 files laid out as those of the paper's authors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Hdf5:
    """HDF5 files with padded sets, their labels and their lengths, for each part of a split."""

    name = "HDF5 files"
    suffixes = (".h5", ".hdf5")
    help = "HDF5 with padded sets as train_data, validation_data or test_data, or X"
    in_folders = ""
    features = "x0, x1 and so on, or as --features says"
    extra = "hdf5"
    packages = ("h5py",)
    options = ALWAYS
    applies = ()
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is the path of an HDF5 file; one that holds the elements of one set alone is not."""
        if not is_file_of(source, self.suffixes):
            return False
        from setwise.readers.hdf5 import holds_parts  # costs what help does not wait for

        return holds_parts(Path(source))

    def has_names(self, _: Any) -> bool:
        """Return false: features of padded arrays have no names."""
        return False

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read all parts (`setwise.readers.hdf5.read_hdf5`)."""
        from setwise.readers.hdf5 import read_hdf5  # costs what help does not wait for

        return read_hdf5(Path(source), request)
