"""The reader of AnnData: cells are elements, samples are sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise._checks import InputError
from setwise.readers.copier import Added
from setwise.readers.paths import files_of, is_file_of, is_pattern

if TYPE_CHECKING:
    import pyarrow as pa

    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


_TENX = (".h5", ".hdf5")


class AnnData:
    """AnnData in a file or in memory; a column of ``obs`` names the sample of each cell."""

    name = "AnnData files"
    suffixes = (".h5ad", ".zarr", ".h5mu")
    help = (
        "AnnData, a modality of MuData or 10x Genomics .h5, whose column --set-id of obs names the samples, or a "
        "folder with one a sample"
    )
    in_folders = "AnnData files"
    features = "names of var, or of the columns of obsm"
    extra = "anndata"
    packages = ("anndata", "h5py")
    options = (
        "cofactor",
        "transform",
        "missing",
        "sheet",
        "drop_unlabelled",
        "merge_classes",
        "drop_empty",
        "file_column",
        "skip_bad",
        "layer",
        "obsm",
    )
    applies = ("padding",)
    words = ("samples", "cells")
    columns = "columns of obs"
    legend = ""
    sets_place = "uns"

    def takes(self, source: Any) -> bool:
        """Return whether a source is an AnnData file or object."""
        if isinstance(source, str | Path):
            return self._is_file(Path(source)) or self._first(Path(source)) is not None
        if isinstance(source, list | tuple):
            paths = [Path(x) for x in source if isinstance(x, str | Path)]
            return bool(paths) and len(paths) == len(source) and all(map(self.is_one, paths))
        return all(hasattr(source, name) for name in ("obs", "var_names", "obsm", "layers"))

    def has_names(self, _: Any) -> bool:
        """Return true: genes and other variables have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read ``X``, a layer or an array of ``obsm`` (`setwise.readers.anndata.read.read_anndata`)."""
        from setwise.readers.anndata.read import read_anndata  # costs what help does not wait for
        from setwise.readers.anndata.several import read_several

        if isinstance(source, list | tuple) or (isinstance(source, str | Path) and not self._is_file(Path(source))):
            return read_several(source, request)
        return read_anndata(source, request)

    def is_one(self, path: Path) -> bool:
        """Return whether a path is one of several files: with such a suffix, or a matrix of 10x Genomics."""
        return path.suffix.lower() in self.suffixes or _is_tenx(path)

    def _is_file(self, path: Path) -> bool:
        return is_file_of(path, self.suffixes) or _is_zarr(path) or _is_tenx(path)

    def _first(self, path: Path) -> Path | None:
        """Return one of the files of a folder or a pattern; none of other paths."""
        if not (path.is_dir() or is_pattern(path)):
            return None
        looked = False  # at the first of files that may be matrices of 10x Genomics, which all are then, or none is
        for one in files_of(path):
            if one.suffix.lower() in self.suffixes or (not looked and _is_tenx(one)):
                return one
            looked |= one.suffix.lower() in _TENX
        return None

    def check_copies(self, source: Any, request: "ReadRequest", names: Sequence[str]) -> None:  # noqa: ARG002 - of the protocol
        """Refuse files that cannot be copied; columns of an earlier copy are replaced."""
        from setwise.readers.anndata.write import check_copied  # costs what help does not wait for

        if isinstance(source, list | tuple):
            raise InputError("copies with results are made of one file; got several. Give each file by itself.")
        check_copied(Path(source))

    def write_copies(self, source: Any, request: "ReadRequest", folder: Path, added: Added) -> list[Path]:
        """Copy the file with columns of ``obs`` (`setwise.readers.anndata.copies.copy_file`)."""
        from setwise.readers.anndata.copies import copy_file  # costs what help does not wait for

        return [copy_file(source, request.set_id, folder, added)]

    def copy_with_sets(self, source: Path, out: Path, table: "pa.Table", set_id: str) -> None:
        """Copy the file with a data frame ``uns["setwise_predictions"]``."""
        from setwise.readers.anndata.write import write_anndata  # costs what help does not wait for

        uns = {"setwise_predictions": table.to_pandas().set_index("set_id")}
        write_anndata(source, out, set_id=set_id, uns=uns)


def _is_tenx(path: Path) -> bool:
    """Return whether a file is a matrix of 10x Genomics, which has the suffix of other files."""
    if not is_file_of(path, _TENX) or not path.is_file():
        return False
    from setwise.readers.anndata.tenx import is_tenx  # costs what help does not wait for

    return is_tenx(path)


def _is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr store with cells."""
    return (path / "obs").is_dir() and any((path / name).is_file() for name in (".zgroup", ".zattrs", "zarr.json"))
