"""A request to a reader: all that is asked of reading beside the source itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.names import expanded
from setwise.readers.per_set import Dropped, named_rows, read_sets
from setwise.readers.reading import Reading
from setwise.store.processing import Processing


@dataclass(frozen=True)
class ReadRequest:
    """All that a reader is asked for (`setwise.read` says what each is).

    Attributes:
        sets: the table of sets as it is, or none.
        sets_name: how errors name that table.
        set_id: the column that names the sets.
        features: to use, in this order; none for the reader's own choice.
        labels: columns of the elements that are kept beside them.
        store: where to keep the store, or none for memory.
        strict: raise for the first problem, rather than keep problems in the description of the store.
        keep_missing: let missing values through, as NaN.
        reading: choices of reading.
        like: what was done to the elements that a model was fitted on; none for the choices alone.
        drop: takes in the sets that are left out, none where none are.
    """

    sets: pa.Table | None = None
    sets_name: str = ""
    set_id: str = "set_id"
    features: Sequence[str] | None = None
    labels: tuple[str, ...] = ()
    store: Path | None = None
    strict: bool = True
    keep_missing: bool = False
    reading: Reading = field(default_factory=Reading)
    like: Processing | None = None
    drop: Dropped | None = None

    @classmethod
    def of(cls, *, sets: Any = None, set_id: str = "set_id", **more: Any) -> Self:
        """Return a request with a table of sets that is a path, a table in memory or none; the rest as it is.

        Raises:
            InputError: a table of sets that cannot be read.
        """
        reading = more.get("reading") or Reading()
        if sets is None and reading.sheet is not None:
            raise InputError("sheet (--sheet) is a choice for the table of sets; name the table as well (--sets).")
        table, name = (None, "") if sets is None else read_sets(sets, set_id, reading.sheet)
        return cls(sets=table, sets_name=name, set_id=set_id, **more)

    @property
    def checked(self) -> bool:
        """Return whether all elements are known to be finite once they are read."""
        return self.strict and not self.keep_missing

    def named_sets(self) -> pa.Table | None:
        """Return the table of sets with the names of the sets as text in a first column ``set_id``, or none.

        Raises:
            InputError: as `setwise.readers.per_set.named_rows`.
        """
        return None if self.sets is None else named_rows(self.sets, self.set_id, self.sets_name)

    @property
    def drops_padding(self) -> bool:
        """Return whether rows of one number at the ends of sets are padding: it was said, or was so in the fit."""
        return self.reading.padding == "drop" or (self.like is not None and self.like.padding is not None)

    def choosing(self, known: Sequence[str], where: str, groups: Mapping[str, Sequence[str]] | None = None) -> Self:
        """Return the request with every feature by its own name (`setwise.readers.names.expanded`).

        Args:
            known: names of columns that may be features; the names of the sets and labels are none.
            where: how errors name the source.
            groups: names that stand for several features.

        Raises:
            InputError: a pattern that nothing matches.
        """
        if self.features is None or isinstance(self.features, str):
            return self
        may_be = [name for name in known if name != self.set_id and name not in self.labels]
        return replace(self, features=expanded(self.features, may_be, where, groups))

    def refuse_labels(self, source: str) -> None:
        """Refuse labels of elements, which a source cannot have.

        Args:
            source: how the error names it.

        Raises:
            InputError: labels were asked for.
        """
        if self.labels:
            raise InputError(
                f"labels of elements are columns of tables, channels, columns of obs or arrays; {source} has none. "
                "Convert it to a table with a column of labels, or give the store labels (SetStore.with_labels)."
            )
