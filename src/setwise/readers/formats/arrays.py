"""The reader of arrays in memory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Arrays:
    """A list of arrays or data frames, one per set, or a padded array with the sizes of the sets."""

    name = "arrays in memory"
    suffixes = ()
    help = ""
    in_folders = ""
    features = "columns of data frames, else x0, x1 and so on, or as features says"
    extra = None
    packages = ()
    options = ALWAYS
    applies = ("order", "padding")
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is a sequence, or an array of NumPy or torch."""
        if isinstance(source, str | Mapping):
            return False
        if getattr(source, "is_nested", False):
            return True  # a tensor that may have no shape
        return isinstance(source, Sequence) or (hasattr(source, "__array__") and hasattr(source, "shape"))

    def has_names(self, _: Any) -> bool:
        """Return false: columns of arrays have no names, and those of data frames are taken in the order of a list."""
        return False

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read one array per set (`setwise.readers.arrays.read_arrays`)."""
        from setwise.readers.arrays import read_arrays  # costs what help does not wait for

        return read_arrays(source, request)
