"""Copy an AnnData file with the scores of its cells as columns of ``obs``."""

from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.explanations.explain import Explanation
from setwise.readers.anndata.write import write_anndata
from setwise.readers.formats.anndata import AnnData


def check_anndata(source: Any) -> None:
    """Refuse a source that is no AnnData file.

    Raises:
        InputError: another source.
    """
    if not isinstance(source, str | Path) or not AnnData().takes(source):
        raise InputError(f"columns of obs are written to a copy of an AnnData file (.h5ad); {source} is none.")


def write_obs(explanation: Explanation, source: str | Path, folder: Path, *, set_id: str) -> Path:
    """Write a copy of an AnnData file with a column ``setwise_<method>`` of ``obs`` for each method.

    Cells without a score (of samples that were not explained, or not drawn) have none. ``uns["setwise_sets"]`` holds
    the table of the explained samples, and ``uns["setwise_faithfulness"]`` what the deletion curves say of the methods.

    Args:
        explanation: of sets that were read from the source.
        source: the file.
        folder: where the copy goes, under the name of its original.
        set_id: the column of ``obs`` that names the sample of each cell.

    Raises:
        InputError: a source that is no AnnData file, or that changed since it was read.
    """
    check_anndata(source)
    scores = explanation.scores
    owners, elements = scores["set_id"].to_numpy(), scores["element"].to_numpy()
    columns: dict[str, dict[str, np.ndarray]] = {f"setwise_{method}": {} for method in explanation.methods}
    for name, size in zip(*(explanation.sets[column].to_pylist() for column in ("set_id", "size")), strict=True):
        own = owners == name
        for method in explanation.methods:
            values = np.full(size, np.nan)
            values[elements[own]] = scores[method].to_numpy()[own]
            columns[f"setwise_{method}"][name] = values
    tables = {"setwise_sets": explanation.sets, "setwise_faithfulness": explanation.faithfulness}
    uns = {
        name: {column: _plain(table[column].to_pylist()) for column in table.column_names}
        for name, table in tables.items()
    }
    return write_anndata(source, folder / Path(source).name, set_id=set_id, obs=columns, uns=uns)


def _plain(values: list) -> np.ndarray:
    """Return a column as anndata writes it: numbers with NaN, or text with nothing where it is missing."""
    if any(isinstance(value, str) for value in values):
        return np.asarray(["" if value is None else value for value in values], dtype=object)
    return np.asarray([np.nan if value is None else value for value in values], np.float64)
