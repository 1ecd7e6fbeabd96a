"""The reader of stores, in memory or kept on disk, which are taken as they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS
from setwise.store.suffixes import ARROW_SUFFIXES

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class Stores:
    """Stores: what was read before, with its features, its table of sets and its processing."""

    name = "stores"
    suffixes = ARROW_SUFFIXES
    help = "store that `setwise fit --store` kept"
    in_folders = ""
    features = "as they were read"
    extra = None
    packages = ()
    options = ()
    applies = (*ALWAYS, "order")
    words = None

    def takes(self, source: Any) -> bool:
        """Return whether a source is a store or the path of one; an Arrow file that cannot be read is, to say why."""
        if not isinstance(source, str | Path):
            return type(source).__name__ == "SetStore"
        if not is_file_of(source, self.suffixes):
            return False
        from setwise.store.file import is_store  # costs what help does not wait for

        return is_store(Path(source))

    def has_names(self, _: Any) -> bool:
        """Return false: a store has the features that it has, which are compared and not chosen."""
        return False

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Open a store (`setwise.readers.stores.open_store`)."""
        from setwise.readers.stores import open_store  # costs what help does not wait for

        return open_store(source, request)
