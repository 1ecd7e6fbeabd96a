"""AnnData (.h5ad and in memory): cells as elements, samples as sets; sparse matrices stay sparse."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from setwise._checks import InputError
from setwise._files import atomic_write
from setwise.readers.arrays import check_values
from setwise.readers.per_set import add_columns, tidy
from setwise.store.file import Description, new_file, offsets_of
from setwise.store.ids import texts
from setwise.store.labels import LABEL, check_no_label, tidy_labels
from setwise.store.reading import Processing, Reading
from setwise.store.sparse import SparseElements
from setwise.store.spill import allocate
from setwise.store.store import SetStore
from setwise.store.tables import check_file, listed, reading

_NUMBERS = 1 << 24  # read at a time


@dataclass(frozen=True)
class _Cells:
    """What an AnnData holds, as far as it is read."""

    name: str
    obs: Any  # pandas data frame
    matrix: Any  # slices of it are arrays or scipy's sparse matrices
    features: list[str]
    what: str


def is_anndata(source: Any) -> bool:
    """Whether a source is an AnnData file or object."""
    if isinstance(source, str | Path):
        return Path(source).suffix.lower() == ".h5ad"
    return all(hasattr(source, name) for name in ("obs", "var_names", "obsm", "layers"))


def read_anndata(
    source: Any,
    *,
    options: Reading,
    set_id: str,
    features: Sequence[str] | None,
    sets: pa.Table | None,
    sets_name: str,
    store: Path | None,
    strict: bool,
    keep_missing: bool = False,
    labels: Sequence[str] = (),
) -> SetStore:
    """Read ``X``, a layer or an array of ``obsm``; samples are told by the column ``set_id`` of ``obs``.

    Columns of ``obs`` that never change within a sample become columns of the table of sets; others are left out.
    A sparse matrix is kept sparse, in memory and on disk, and only batches of it are dense. Other arguments as for
    `read`.

    Raises:
        InputError: no such file, layer, array or column, cells without a sample, or values that are not finite.
        InputError: anndata is not installed.
    """
    with _opened(source, options) as cells:
        if set_id not in cells.obs.columns:
            few = [name for name in cells.obs.columns if cells.obs[name].nunique() < len(cells.obs)]
            raise InputError(
                f"{cells.name}: obs must have a column {set_id!r} that names the sample of each cell; it has "
                f"{listed(few)}. Name the column with --set-id."
            )
        ids, codes = _samples(cells, set_id)
        if missing := [name for name in labels if name not in cells.obs.columns]:
            raise InputError(f"{cells.name}: obs has no labels {listed(missing)}; it has {listed(list(cells.obs))}.")
        own, left_out = _constant_columns(cells, codes, ids, (set_id, *labels))
        left_out |= dict.fromkeys(labels, LABEL)
        joined, problems = add_columns(own, sets, sets_name, strict=strict)
        columns = _choose(cells, features)
        names = tuple(cells.features[n] for n in columns)
        checked = strict and not keep_missing
        processing = Processing(matrix=cells.what)
        description = Description(names, (len(names),), left_out, checked, tuple(problems), processing)
        sizes = np.bincount(codes, minlength=len(ids)).astype(np.int64)
        order = np.argsort(codes, kind="stable")
        check_no_label(names, labels)
        beside = {name: _label_column(cells.obs[name].iloc[order]) for name in labels}
        chosen = None if features is None else columns
        if _is_sparse(cells.matrix):
            elements = _sparse(cells, order, chosen, len(names))
            if strict:
                _check_entries(elements, sizes, ids)
            found = SetStore.from_description(elements, sizes, joined, description, beside)
            return found if store is None else found.save(store)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        if store is not None:
            tidied = {name: tidy_labels(column, len(order), name) for name, column in beside.items()}
            with new_file(store, sizes, joined, description, dtype=np.float32, labels=tidied) as target:
                _fill(target, cells, places, chosen, ids, sizes, strict=strict, keep_missing=keep_missing)
            return SetStore.open(store)
        target = allocate((len(order), len(names)))
        _fill(target, cells, places, chosen, ids, sizes, strict=strict, keep_missing=keep_missing)
        return SetStore.from_description(target, sizes, joined, description, beside)


def write_anndata(
    source: str | Path,
    out: str | Path,
    *,
    set_id: str,
    obs: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    uns: Mapping[str, Any] | None = None,
) -> Path:
    """A copy of an AnnData file with results: columns of ``obs`` for elements, entries of ``uns`` for sets.

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
    if out.resolve() == source.resolve():
        raise InputError(f"{out} is the original. Name another file for the copy.")
    with _opened(source, Reading(), matrix=False) as cells:
        ids, codes = _samples(cells, set_id)
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
    import anndata
    import h5py

    files: Any = anndata.io
    with atomic_write(out) as aside:
        shutil.copyfile(source, aside)
        with reading(out), h5py.File(aside, "r+") as file:
            if obs:
                files.write_elem(file, "obs", _plain(frame))
            for name, value in (uns or {}).items():
                files.write_elem(file.require_group("uns"), name, _plain(value))
    return out


def _plain(value: Any) -> Any:
    """A data frame whose text is Python's, which anndata writes, and not Arrow's, which pandas 3 has."""
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


@contextmanager
def _opened(source: Any, options: Reading, *, matrix: bool = True) -> Iterator[_Cells]:
    what = f"layer {options.layer}" if options.layer else f"obsm {options.obsm}" if options.obsm else "X"
    if not isinstance(source, str | Path):
        kept = source.layers if options.layer else source.obsm if options.obsm else {None: source.X}
        found = _entry(kept, options.layer or options.obsm, "the AnnData", what)
        found = found.to_memory() if hasattr(found, "to_memory") else found  # of an AnnData that is backed by a file
        obs, names = source.obs, [str(name) for name in source.var_names]
        yield _Cells("the AnnData", obs, found, _features(found, names, options), what)
        return
    try:
        import anndata
        import h5py
    except ImportError as error:
        raise InputError("AnnData files need anndata: pip install 'setwise[anndata]'.") from error
    path = Path(source)
    check_file(path)
    files: Any = anndata.io
    with reading(path, RuntimeError, KeyError, ValueError), h5py.File(path, "r") as file:
        if "obs" not in file or "var" not in file:
            raise InputError(f"{path} must be an AnnData file with obs and var; it holds {listed(list(file))}.")
        obs = files.read_elem(file["obs"])
        names = [str(name) for name in files.read_elem(file["var"]).index]
        if not matrix:
            yield _Cells(str(path), obs, None, names, what)
            return
        group: Any = file.get("layers", {}) if options.layer else file.get("obsm", {}) if options.obsm else file
        found = _entry(group, options.layer or options.obsm or "X", str(path), what)
        if isinstance(found, h5py.Group):
            found = files.read_elem(found)
            found = found.to_numpy() if hasattr(found, "to_numpy") else found
        yield _Cells(str(path), obs, found, _features(found, names, options), what)


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


def _is_sparse(matrix: Any) -> bool:
    return hasattr(matrix, "tocsr")


def _samples(cells: _Cells, set_id: str) -> tuple[list[str], np.ndarray]:
    """Names of the samples in the order in which they appear, and the sample of each cell."""
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


def _label_column(column: Any) -> pa.Array:
    """A column of ``obs`` as Arrow has it, categories as their text."""
    values = column.astype(object) if hasattr(column.dtype, "categories") else column
    return pa.array(values.to_numpy(), from_pandas=True)


def _constant_columns(
    cells: _Cells, codes: np.ndarray, ids: list[str], others: Sequence[str]
) -> tuple[pa.Table, dict[str, str]]:
    """Columns of ``obs`` with one value per sample, as columns of the sets; the others with the reason."""
    first = np.unique(codes, return_index=True)[1]
    table = pa.table({"set_id": pa.array(ids, pa.string())})
    left_out: dict[str, str] = {}
    for name in cells.obs.columns:
        if name in (*others, "set_id"):
            continue
        column = cells.obs[name].astype(object)
        values = column.to_numpy()
        there = values[first][codes]
        changes = (values != there) & ~(column.isna().to_numpy() & column.iloc[first].isna().to_numpy()[codes])
        if changes.any():
            where = ids[codes[int(changes.argmax())]]
            left_out[str(name)] = f"column of obs that changes within a sample (the first: {where!r})"
            continue
        table = table.append_column(str(name), pa.array(cells.obs[name].iloc[first], from_pandas=True))
    return tidy(table), left_out


def _choose(cells: _Cells, features: Sequence[str] | None) -> list[int]:
    if len(set(cells.features)) < len(cells.features):
        raise InputError(f"{cells.name}: names of features must differ. Make them so with var_names_make_unique().")
    if features is None:
        return list(range(len(cells.features)))
    places = {name: position for position, name in enumerate(cells.features)}
    if unknown := [name for name in features if name not in places]:
        raise InputError(f"{cells.name} has no features {listed(unknown)}; it has {listed(cells.features)}.")
    return [places[name] for name in features]


def _pieces(cells: _Cells) -> Iterator[tuple[slice, Any]]:
    count, width = cells.matrix.shape
    step = max(1, _NUMBERS // max(1, width))
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        yield rows, cells.matrix[rows]


def _sparse(cells: _Cells, order: np.ndarray, columns: list[int] | None, width: int) -> SparseElements:
    """The matrix in the order of the sets, never dense."""
    from scipy import sparse  # scikit-learn brings it

    whole: Any = sparse.csr_matrix(cells.matrix)
    whole = whole if columns is None else whole[:, columns]
    whole = whole if (np.diff(order) == 1).all() else whole[order]
    if not whole.has_canonical_format:
        whole = whole.copy()  # the matrix may be shared
        whole.sum_duplicates()
    values = whole.data.astype(np.float32, copy=False)
    return SparseElements(whole.indptr.astype(np.int64), whole.indices.astype(np.int32, copy=False), values, width)


def _check_entries(elements: SparseElements, sizes: np.ndarray, ids: list[str]) -> None:
    bad = ~np.isfinite(elements.values)
    if bad.any():
        row = int(np.searchsorted(elements.begins, int(bad.argmax()), side="right")) - 1
        position = int(np.searchsorted(np.cumsum(sizes), row, side="right"))
        raise InputError(
            f"elements must be finite numbers; set {ids[position]!r} holds NaN or infinity. Drop such cells, or fill "
            "them in before."
        )


def _fill(
    target: np.ndarray,
    cells: _Cells,
    places: np.ndarray,
    columns: list[int] | None,
    ids: list[str],
    sizes: np.ndarray,
    *,
    strict: bool,
    keep_missing: bool,
) -> None:
    for rows, piece in _pieces(cells):
        with np.errstate(over="ignore"):
            values = np.asarray(piece, dtype=np.float32)
        target[places[rows]] = values if columns is None else values[:, columns]
    if strict:
        offsets = offsets_of(sizes)
        for position, name in enumerate(ids):
            one = target[offsets[position] : offsets[position + 1]]
            check_values(one, sizes[position : position + 1], [name], keep_missing=keep_missing)
