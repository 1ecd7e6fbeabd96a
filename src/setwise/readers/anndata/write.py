"""Write copies of AnnData files with results in ``obs`` and ``uns``."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from setwise._checks import InputError
from setwise._files import atomic_write
from setwise.readers.anndata.file import is_old, opened, samples_of
from setwise.readers.formats.anndata import AnnData
from setwise.readers.reader import packages_of
from setwise.readers.reading import Reading
from setwise.store.tables import check_file, reading


def write_anndata(
    source: str | Path,
    out: str | Path,
    *,
    set_id: str,
    obs: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    uns: Mapping[str, Any] | None = None,
) -> Path:
    """Write a copy of an AnnData file with results: columns of ``obs`` for elements, entries of ``uns`` for sets.

    Args:
        source: the file that was read.
        out: the new file, which appears whole or not at all.
        set_id: the column of ``obs`` that names the sample of each cell.
        obs: for each new column, by the name of a set, its values ``(n_i,)`` in the order of the elements in the store;
            cells of other sets have none. Numbers, or text.
        uns: for each new entry, what anndata writes: numbers, text, arrays, data frames, mappings of them.

    Raises:
        InputError: no such file, or values that are not one per cell of a sample.
        InputError: anndata is not installed.
    """
    source, out = Path(source), Path(out)
    check_copied(source)
    if out.resolve() == source.resolve():
        raise InputError(f"{out} is the original. Name another file for the copy.")
    with opened(source, Reading(), matrix=False) as cells:
        ids, codes = samples_of(cells, set_id)
        frame = cells.obs.copy()
    for column, per_set in (obs or {}).items():
        text = any(np.asarray(given).dtype.kind in "OU" for given in per_set.values())
        values: Any = np.full(len(codes), "", dtype=object) if text else np.full(len(codes), np.nan)
        for name, given in per_set.items():
            rows = np.flatnonzero(codes == ids.index(name)) if name in ids else np.zeros(0, np.int64)
            if np.shape(given) != (len(rows),):
                raise InputError(f"{column!r} must have {len(rows)} values for set {name!r}; got {np.shape(given)}.")
            values[rows] = given
        frame[column] = values
    anndata, h5py = packages_of(AnnData())
    files = anndata.io
    with atomic_write(out) as aside:
        shutil.copyfile(source, aside)
        with reading(out), h5py.File(aside, "r+") as file:
            if obs:
                files.write_elem(file, "obs", _plain(frame))
            for name, value in (uns or {}).items():
                files.write_elem(file.require_group("uns"), name, _plain(value))
    return out


def check_copied(source: Path) -> None:
    """Refuse what is no AnnData file of the kind that copies are made of.

    Raises:
        InputError: a Zarr store, MuData, or a file of anndata before 0.7.
    """
    if source.is_dir() or source.suffix.lower() != ".h5ad":
        raise InputError(f"copies with results are made of .h5ad files; {source} is none. Write it as .h5ad first.")
    check_file(source)
    with reading(source, KeyError), packages_of(AnnData())[1].File(source, "r") as file:
        if {"obs", "var"} <= set(file) and is_old(file):
            raise InputError(
                f"{source} was written by anndata before 0.7, and is read but not copied. Read and write it with a new "
                "anndata: anndata.read_h5ad(path).write_h5ad(new)."
            )


def _plain(value: Any) -> Any:
    """Return a data frame whose text is Python's, which anndata writes, and not Arrow's, which pandas 3 has."""
    if not hasattr(value, "columns"):
        return value
    frame = value.copy()
    frame.index = frame.index.astype(object)
    for name in frame.columns:
        kind = frame[name].dtype
        if hasattr(kind, "categories"):
            frame[name] = frame[name].cat.rename_categories(kind.categories.astype(object))
        elif kind.name in ("str", "string"):
            frame[name] = frame[name].astype(object)
    return frame
