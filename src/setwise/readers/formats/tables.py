"""The reader of tables: CSV, Parquet and Arrow files, and tables in memory."""

from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS
from setwise.store.suffixes import TABLE_SUFFIXES

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Tables:
    """Tables with a row per element, or with a row per set and its elements in lists."""

    name = "tables"
    suffixes = TABLE_SUFFIXES
    help = "table with a row per element, or with a row per set and lists"
    in_folders = ""
    features = "names of the numeric columns; components of the vectors in a column v are v_0, v_1 and so on"
    extra = None
    packages = ()
    options = (*ALWAYS, "aliases", "types")
    applies = ("order",)
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is the path of a table, or an object in memory that hands one over by Arrow."""
        return is_file_of(source, self.suffixes) or any(
            hasattr(source, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
        )

    def has_names(self, _: Any) -> bool:
        """Return true: columns have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read a long or a nested table (`setwise.readers.tables.read.read_table`)."""
        from setwise.readers.aliases import renamed  # costs what help does not wait for
        from setwise.readers.tables.read import read_table
        from setwise.readers.tables.vectors import with_components
        from setwise.store.spill import is_large
        from setwise.store.tables import open_table

        stream = request.store is not None or is_large(source)
        table = open_table(source, set_id=request.set_id, stream=stream)
        return read_table(with_components(renamed(table, request.reading.aliases), request.set_id), request)
