"""The protocol of readers: what each says of its format, and how it reads a source of that format."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from setwise._checks import missing_packages

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore

# choices that go with any reader: of what it read, or of the sets
OF_SETS = ("merge_classes",)  # goes with stores, too
ALWAYS = ("cofactor", "transform", "missing", "padding", "sheet", "drop_unlabelled", "drop_empty", *OF_SETS)


class Reader(Protocol):
    """A format that sets are read from. What is said of it costs no import of what reads it."""

    @property
    def name(self) -> str:
        """Return its name in the plural, for errors: "ROOT files"."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the suffixes of its files, in small letters; none for what is in memory."""
        ...

    @property
    def help(self) -> str:
        """Return what it reads, for help; nothing for what is in memory alone."""
        ...

    @property
    def in_folders(self) -> str:
        """Return what a folder or a pattern must have to be read; nothing where only single files are."""
        ...

    @property
    def features(self) -> str:
        """Return how features are named, for documentation."""
        ...

    @property
    def extra(self) -> str | None:
        """Return the extra of setwise that installs its packages, or none."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that its files need beside those that setwise always needs."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """Return the names of the choices of reading (`setwise.readers.reading.Reading`) that it has."""
        ...

    @property
    def applies(self) -> tuple[str, ...]:
        """Return those of `ALWAYS` that it applies itself, or that must have been applied before.

        "order" where it tells by itself which features are no measurement (`setwise.readers.order`).
        """
        ...

    @property
    def words(self) -> tuple[str, str] | None:
        """Return how people call sets and elements of it, in the plural: samples and cells; none where they do not."""
        ...

    def takes(self, source: Any) -> bool:
        """Return whether it reads a source, told by its type or its path; of a file that is missing, by its suffix."""
        ...

    def has_names(self, source: Any, /) -> bool:
        """Return whether the features of a source have names of their own, by which some of them can be chosen."""
        ...

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read the sets of a source.

        Raises:
            InputError: what the source or the table of sets holds is at fault; the message says where.
        """
        ...


def packages_of(reader: Reader) -> list[Any]:
    """Return the imported packages that files of a reader need, in its order.

    Raises:
        InputError: one is not installed.
    """
    try:
        return [import_module(name) for name in reader.packages]
    except ImportError as error:
        raise missing_packages(reader.name, reader.packages, reader.extra or "") from error
