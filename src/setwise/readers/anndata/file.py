"""Open AnnData, in a file or in memory, and tell the samples of its cells."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.formats.anndata import AnnData
from setwise.readers.reader import packages_of
from setwise.readers.reading import Reading
from setwise.store.ids import texts
from setwise.store.tables import check_file, listed, reading


@dataclass(frozen=True)
class Cells:
    """The parts of an AnnData that are read."""

    name: str
    obs: Any  # pandas data frame
    matrix: Any  # slices of it are arrays or scipy's sparse matrices
    features: list[str]
    what: str


@contextmanager
def opened(source: Any, options: Reading, *, matrix: bool = True) -> Iterator[Cells]:
    """Open an AnnData file or object; its matrix is read as far as it is looked at, or not at all.

    Raises:
        InputError: no such file, layer or array; anndata is not installed.
    """
    what = f"layer {options.layer}" if options.layer else f"obsm {options.obsm}" if options.obsm else "X"
    if not isinstance(source, str | Path):
        kept = source.layers if options.layer else source.obsm if options.obsm else {None: source.X}
        found = _entry(kept, options.layer or options.obsm, "the AnnData", what)
        found = found.to_memory() if hasattr(found, "to_memory") else found  # of an AnnData that is backed by a file
        obs, names = source.obs, [str(name) for name in source.var_names]
        yield Cells("the AnnData", obs, found, _features(found, names, options), what)
        return
    anndata, h5py = packages_of(AnnData())
    path = Path(source)
    check_file(path)
    files = anndata.io
    with reading(path, RuntimeError, KeyError, ValueError), h5py.File(path, "r") as file:
        if "obs" not in file or "var" not in file:
            raise InputError(f"{path} must be an AnnData file with obs and var; it holds {listed(list(file))}.")
        obs = files.read_elem(file["obs"])
        names = [str(name) for name in files.read_elem(file["var"]).index]
        if not matrix:
            yield Cells(str(path), obs, None, names, what)
            return
        group: Any = file.get("layers", {}) if options.layer else file.get("obsm", {}) if options.obsm else file
        found = _entry(group, options.layer or options.obsm or "X", str(path), what)
        if isinstance(found, h5py.Group):
            found = files.read_elem(found)
            found = found.to_numpy() if hasattr(found, "to_numpy") else found
        yield Cells(str(path), obs, found, _features(found, names, options), what)


def _entry(group: Any, name: str | None, where: str, what: str) -> Any:
    if name not in group or group[name] is None:
        raise InputError(f"{where} has no {what}; it has {listed([str(key) for key in group])}.")
    return group[name]


def _features(matrix: Any, genes: list[str], options: Reading) -> list[str]:
    if not options.obsm:
        return genes
    if hasattr(matrix, "columns"):
        return [str(name) for name in matrix.columns]
    return [f"{options.obsm}_{column}" for column in range(matrix.shape[1])]


def samples_of(cells: Cells, set_id: str) -> tuple[list[str], np.ndarray]:
    """Return the names of the samples in the order in which they appear, and the sample of each cell."""
    if set_id not in cells.obs.columns:
        raise InputError(f"{cells.name}: obs has no column {set_id!r}; it has {listed(list(cells.obs.columns))}.")
    column = cells.obs[set_id]
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax())
        raise InputError(f"{cells.name}: every cell must have a sample; {set_id!r} of cell {row + 1} is empty.")
    uniques = column.astype(object).unique()
    names = texts(pa.array(list(uniques)), column=set_id, where=cells.name)
    numbers = {name: position for position, name in enumerate(dict.fromkeys(names))}
    places = {value: numbers[name] for value, name in zip(uniques, names, strict=True)}
    return list(numbers), column.astype(object).map(places).to_numpy().astype(np.int64)
