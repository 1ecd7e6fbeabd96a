"""The reader of FCS files of cytometers: each file is a set, its events are the elements."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.copier import Added
from setwise.readers.paths import files_of, is_list_of, is_pattern
from setwise.readers.reader import OF_SETS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


_FILES = (
    *OF_SETS,
    "drop_unlabelled",
    "drop_empty",
    "file_column",
    "compensate",
    "skip_bad",
    "data_set",
    "ignore_tot",
    "keywords",
    "aliases",
)


class Fcs:
    """FCS files: a folder, a pattern, a list of them, or one."""

    name = "FCS files"
    suffixes = (".fcs", ".lmd")
    help = "FCS: a folder, a pattern or one file"
    in_folders = "FCS files"
    features = "markers ($PnS), else detectors ($PnN)"
    extra = None
    packages = ()
    options = ("cofactor", "transform", "missing", "sheet", *_FILES)
    applies = ("cofactor", "transform", "order", "padding")
    words = ("samples", "cells")
    columns = "channels"
    legend = "keyword SETWISE_CLASSES"

    def takes(self, source: Any) -> bool:
        """Return whether a source is a folder or a pattern with FCS files, an FCS file, or a list of FCS files."""
        if isinstance(source, list | tuple):
            return is_list_of(source, self._is_file)
        if not isinstance(source, str | Path):
            return False
        path = Path(source)
        if not path.is_dir() and not is_pattern(path):
            return self._is_file(path)
        if any(found.suffix.lower() in self.suffixes for found in files_of(path)):
            return True
        first = next(files_of(path), None) if is_pattern(path) else None
        return first is not None and self._is_file(first)

    def has_names(self, _: Any) -> bool:
        """Return true: channels have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read the events of all files (`setwise.readers.fcs.read.read_fcs`)."""
        from setwise.readers.fcs.read import read_fcs  # costs what help does not wait for

        return read_fcs(source, request)

    def panels(self, source: Any, request: "ReadRequest") -> dict[str, list[str]]:
        """Return the names of the channels of each file (`setwise.readers.fcs.read.panels_of`)."""
        from setwise.readers.fcs.read import panels_of  # costs what help does not wait for

        return panels_of(source, request)

    def check_copies(self, source: Any, request: "ReadRequest", names: Sequence[str]) -> None:
        """Refuse files that have channels of such names (`setwise.readers.fcs.copies.check_channels`)."""
        from setwise.readers.fcs.copies import check_channels  # costs what help does not wait for

        check_channels(source, request, names)

    def write_copies(self, source: Any, request: "ReadRequest", folder: Path, added: Added) -> list[Path]:
        """Copy files with more channels (`setwise.readers.fcs.copies.copy_files`); they have no place for tables."""
        from setwise.readers.fcs.copies import copy_files  # costs what help does not wait for

        return copy_files(source, request, folder, added)

    def _is_file(self, path: Path) -> bool:
        """Return whether the suffix of a file says FCS, or its beginning (instruments number them: ``.001``)."""
        if path.suffix.lower() in self.suffixes:
            return True
        try:
            with path.open("rb") as file:
                return file.read(4) in (b"FCS2", b"FCS3", b"FCS4", b"FCS1")
        except OSError:
            return False
