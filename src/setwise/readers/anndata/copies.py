"""Copy an AnnData file with further columns of ``obs``."""

from pathlib import Path

import numpy as np

from setwise.readers.anndata.write import write_anndata
from setwise.readers.copier import Added

PREFIX = "setwise_"


def copy_file(source: str | Path, set_id: str, folder: Path, added: Added) -> Path:
    """Copy the file with columns of ``obs`` and tables in ``uns``, all named after ``setwise_``.

    Cells of other sets, and those without a value, have none.

    Args:
        source: the file.
        set_id: the column of ``obs`` that names the sample of each cell.
        folder: where the copy goes, under the name of its original.
        added: the columns and tables.

    Raises:
        InputError: a file that changed since it was read.
    """
    obs = {f"{PREFIX}{name}": per_set for name, per_set in added.columns.items()}
    uns = {
        f"{PREFIX}{name}": {column: _plain(table[column].to_pylist()) for column in table.column_names}
        for name, table in added.tables.items()
    }
    return write_anndata(source, folder / Path(source).name, set_id=set_id, obs=obs, uns=uns)


def _plain(values: list) -> np.ndarray:
    """Return a column as anndata writes it: numbers with NaN, or text with nothing where it is missing."""
    if any(isinstance(value, str) for value in values):
        return np.asarray(["" if value is None else value for value in values], dtype=object)
    return np.asarray([np.nan if value is None else value for value in values], np.float64)
