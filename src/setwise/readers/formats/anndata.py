"""The reader of AnnData: cells are elements, samples are sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setwise.readers.copier import Added
from setwise.readers.paths import is_file_of

if TYPE_CHECKING:
    import pyarrow as pa

    from setwise.readers.request import ReadRequest
    from setwise.store.store import SetStore


class AnnData:
    """AnnData in a file or in memory; a column of ``obs`` names the sample of each cell."""

    name = "AnnData files"
    suffixes = (".h5ad", ".zarr", ".h5mu")
    help = "AnnData or a modality of MuData, whose column --set-id of obs names the samples"
    in_folders = ""
    features = "names of var, or of the columns of obsm"
    extra = "anndata"
    packages = ("anndata", "h5py")
    options = ("cofactor", "missing", "sheet", "drop_unlabelled", "drop_empty", "layer", "obsm")
    applies = ("padding",)
    columns = "columns of obs"
    legend = ""
    sets_place = "uns"

    def takes(self, source: Any) -> bool:
        """Return whether a source is an AnnData file or object."""
        if isinstance(source, str | Path):
            return is_file_of(source, self.suffixes) or _is_zarr(Path(source))
        return all(hasattr(source, name) for name in ("obs", "var_names", "obsm", "layers"))

    def has_names(self, _: Any) -> bool:
        """Return true: genes and other variables have names."""
        return True

    def read(self, source: Any, request: "ReadRequest") -> "SetStore":
        """Read ``X``, a layer or an array of ``obsm`` (`setwise.readers.anndata.read.read_anndata`)."""
        from setwise.readers.anndata.read import read_anndata  # costs what help does not wait for

        return read_anndata(source, request)

    def check_copies(self, source: Any, request: "ReadRequest", names: Sequence[str]) -> None:  # noqa: ARG002 - of the protocol
        """Refuse files that cannot be copied; columns of an earlier copy are replaced."""
        from setwise.readers.anndata.write import check_copied  # costs what help does not wait for

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


def _is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr store with cells."""
    return (path / "obs").is_dir() and any((path / name).is_file() for name in (".zgroup", ".zattrs", "zarr.json"))
