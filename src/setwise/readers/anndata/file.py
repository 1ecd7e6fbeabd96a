"""Open AnnData, in a file or in memory, and tell the samples of its cells."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError, missing_packages
from setwise.readers.anndata.cells import Cells
from setwise.readers.anndata.tenx import matrix_of, tenx_cells
from setwise.readers.formats.anndata import AnnData
from setwise.readers.reader import packages_of
from setwise.readers.reading import Reading
from setwise.store.ids import texts
from setwise.store.tables import check_file, listed, reading


@contextmanager
def opened(source: Any, options: Reading, *, matrix: bool = True) -> Iterator[Cells]:
    """Open an AnnData file or object, or a modality of MuData; its matrix is read as far as it is looked at, or not.

    The modality stands before a colon: layer ``rna:counts``, or ``rna:X``.

    Raises:
        InputError: no such file, modality, layer or array; anndata is not installed.
    """
    if not isinstance(source, str | Path):
        yield _cells(source, source.obs, options, "the AnnData", lambda found: found)
        return
    path = Path(source)
    files = packages_of(AnnData())[0].io
    with reading(path, RuntimeError, KeyError, ValueError), _file(path) as file:
        where, group, own = str(path), file, options
        if "mod" in file:
            where, group, own = _modality(file["mod"], options, path)
        if "obs" not in file and (tenx := matrix_of(file, where)) is not None:
            _check_whole(own, where)
            yield tenx_cells(tenx, where)
            return
        if "obs" not in group or "var" not in group:
            raise InputError(f"{path} must be an AnnData file with obs and var; it holds {listed(list(group))}.")
        if is_old(group):
            yield _cells(_old(path), None, own, where, lambda found: found)
            return
        obs = files.read_elem(group["obs"])
        if group is not file and "obs" in file:
            whole = files.read_elem(file["obs"]).reindex(obs.index)
            obs = obs.join(whole[[name for name in whole.columns if name not in obs.columns]])
        if not matrix:
            names = [str(name) for name in files.read_elem(group["var"]).index]
            yield Cells(where, obs, None, names, "")
            return
        cells = _cells(group, obs, own, where, files.read_elem)
        yield cells if group is file else replace(cells, what=_what(options))


def _check_whole(options: Reading, where: str) -> None:
    if options.layer or options.obsm:
        raise InputError(f"{where} is a matrix of 10x Genomics, without layers and obsm. Leave the options out.")


@contextmanager
def _file(path: Path) -> Iterator[Any]:
    """Open an HDF5 file, or a folder that is a Zarr store."""
    if path.is_dir():
        try:
            import zarr
        except ImportError as error:
            raise missing_packages("Zarr stores", ["zarr"], "anndata") from error
        yield zarr.open_group(str(path), mode="r")
        return
    check_file(path)
    with packages_of(AnnData())[1].File(path, "r") as file:
        yield file


def _modality(modalities: Any, options: Reading, path: Path) -> tuple[str, Any, Reading]:
    """Return the modality of MuData that is read, how errors name it, and what is read of it."""
    names, asked = sorted(modalities), options.layer or options.obsm or ""
    modality, colon, name = asked.partition(":")
    if not colon or modality not in names:
        raise InputError(
            f"{path} is MuData of {listed(names)}: name the modality that is read, and what of it, such as --layer "
            f"{names[0]}:X" + (f"; got {asked!r}." if asked else ".")
        )
    chosen = {"layer": None if name in ("", "X") else name} if options.layer else {"obsm": name}
    return f"{path}, {modality}", modalities[modality], options.model_copy(update=chosen)


def is_old(group: Any) -> bool:
    """Return whether a file was written by anndata before 0.7, which kept obs and var as arrays of records."""
    return hasattr(group["obs"], "shape") or hasattr(group["var"], "shape")


def _old(path: Path) -> Any:
    """Read an old file whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that the file is old, and it may be read all the same
        return packages_of(AnnData())[0].read_h5ad(path)


def _what(options: Reading) -> str:
    return f"layer {options.layer}" if options.layer else f"obsm {options.obsm}" if options.obsm else "X"


def _cells(source: Any, obs: Any, options: Reading, where: str, load: Callable[[Any], Any]) -> Cells:
    """Return the parts of an AnnData object, or of a group of a file, whose parts of parts are loaded."""
    is_object = not hasattr(source, "keys")
    parts = {name: (getattr(source, name, None) if is_object else source.get(name)) for name in ("X", "layers", "obsm")}
    what = _what(options)
    place, name = ("layers", options.layer) if options.layer else ("obsm", options.obsm)
    held: Any = parts[place]
    found: Any = parts["X"] if name is None else None if held is None else held.get(name)
    if found is None or getattr(found, "shape", None) == ():
        raise InputError(f"{where} has no {what}; it has {_there(parts, place if name else 'layers')}.")
    if hasattr(found, "keys") and not hasattr(found, "columns"):
        found = load(found)
    found = found.to_memory() if is_object and hasattr(found, "to_memory") else found  # backed by a file
    names = source.var_names if is_object else load(source["var"]).index
    names = [str(name) for name in names]
    if options.obsm:
        names = [f"{options.obsm}_{column}" for column in range(found.shape[1])]
    if hasattr(found, "columns"):
        names = [str(name) for name in found.columns]
        found = found.to_numpy()
    return Cells(where, source.obs if obs is None else obs, found, names, what)


def _there(parts: Mapping[str, Any], asked: str) -> str:
    """Return all that could be read instead, with the options, first what lies where something was asked for."""
    told: list[str] = []
    lacking: list[str] = []
    for place in sorted(("layers", "obsm"), key=lambda place: place != asked):
        option = "--layer" if place == "layers" else "--obsm"
        names = [str(name) for name in (parts[place] if parts[place] is not None else {})]
        told += [f"{name} ({option} {name})" for name in names]
        lacking += [] if names else [f"no {place}"]
    whole = [] if parts["X"] is None or getattr(parts["X"], "shape", None) == () else ["X (without either option)"]
    return listed([*told, *whole, *lacking])


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
