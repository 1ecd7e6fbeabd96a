"""The protocols of formats that write copies of what was read, with results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from setwise.readers.reader import Reader

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from setwise.readers.request import ReadRequest


@dataclass(frozen=True)
class Added:
    """Columns that copies get.

    Attributes:
        columns: for each new column, by the name of a set, its values ``(n_i,)`` in the order of the elements; numbers,
            NaN where an element has none, or text where the format has no legend.
        tables: more to say of the sets, which goes along where the format has a place for it.
        legend: which classes numbers stand for, or nothing.
    """

    columns: "Mapping[str, Mapping[str, np.ndarray]]"
    tables: "Mapping[str, pa.Table]" = field(default_factory=dict)
    legend: str = ""


@runtime_checkable
class Copier(Reader, Protocol):
    """A reader whose files can be copied with more columns; one that has not all of this is refused by its name."""

    @property
    def columns(self) -> str:
        """Return what the columns of its files are called: "channels"."""
        ...

    @property
    def legend(self) -> str:
        """Return where a copy says which classes its numbers stand for; nothing where columns can be text."""
        ...

    def check_copies(self, source: Any, request: "ReadRequest", names: Sequence[str]) -> None:
        """Refuse names of further columns before anything is computed for them.

        Raises:
            InputError: files that cannot have them.
        """
        ...

    def write_copies(self, source: Any, request: "ReadRequest", folder: Path, added: Added) -> list[Path]:
        """Write copies of the files of some sets, or of all, and return their paths.

        Args:
            source: the files, as they were read.
            request: as they were read.
            folder: that is there; each copy has the name of its original, or of its set where two have one name.
            added: what they get.

        Raises:
            InputError: files that changed since they were read.
        """
        ...


@runtime_checkable
class SetsCopier(Reader, Protocol):
    """A reader whose files can be copied one by one with predictions for their sets."""

    @property
    def sets_place(self) -> str:
        """Return where a copy keeps the predictions, for help: "uns"."""
        ...

    def copy_with_sets(self, source: Path, out: Path, table: "pa.Table", set_id: str) -> None:
        """Write a copy of a file with a table that has a row per set, ``set_id`` first.

        Args:
            source: the file, as it was read.
            out: the copy, which appears whole or not at all.
            table: of the sets.
            set_id: the column that names the set of each element in the file.
        """
        ...
