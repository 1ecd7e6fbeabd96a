"""The reader of sets in memory that one object of a library holds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Containers:
    """Awkward arrays, a `SetBatch`, list columns of Arrow, polars or pandas, arrays by names."""

    name = "sets in memory"
    suffixes = ()
    help = ""
    in_folders = ""
    features = "fields of structures, else x0, x1 and so on, or as features says"
    extra = None
    packages = ()
    options = ALWAYS
    applies = ("order", "padding")
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is such an object, told by its type."""
        if isinstance(source, Mapping):
            return "set_id" in source or (bool(source) and all(hasattr(x, "shape") for x in source.values()))
        if type(source).__name__ == "SetBatch":
            return True
        if type(source).__module__.startswith("awkward"):
            return not getattr(source, "fields", None)
        return is_column(source)

    def has_names(self, _: Any) -> bool:
        """Return false: what is in memory is taken as it is."""
        return False

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read the sets of the object (`setwise.readers.containers.read_container`)."""
        from setwise.readers.containers import read_container  # costs what help does not wait for

        return read_container(source, request)


def is_column(source: Any) -> bool:
    """Return whether a source is one column of a table: an array that speaks Arrow, or a series."""
    speaks = hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")
    return speaks and not hasattr(source, "columns") and (hasattr(source, "dtype") or hasattr(source, "type"))
