"""The reader of AnnData: cells are elements, samples are sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.paths import is_file_of
from setwise.readers.reader import ALWAYS

if TYPE_CHECKING:
    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class AnnData:
    """AnnData in a file or in memory; a column of ``obs`` names the sample of each cell."""

    name = "AnnData files"
    suffixes = (".h5ad",)
    help = "AnnData, whose column --set-id of obs names the samples"
    in_folders = ""
    features = "names of var, or of the columns of obsm"
    extra = "anndata"
    packages = ("anndata", "h5py")
    options = (*ALWAYS, "layer", "obsm")
    applies = ()

    def takes(self, source: Any) -> bool:
        """Return whether a source is an AnnData file or object."""
        if isinstance(source, str | Path):
            return is_file_of(source, self.suffixes)
        return all(hasattr(source, name) for name in ("obs", "var_names", "obsm", "layers"))

    def has_names(self, _: Any) -> bool:
        """Return true: genes and other variables have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read ``X``, a layer or an array of ``obsm`` (`setwise.readers.anndata.read.read_anndata`)."""
        from setwise.readers.anndata.read import read_anndata  # costs what help does not wait for

        return read_anndata(source, request)
