"""Read AnnData: cells are elements, samples are sets; sparse matrices stay sparse."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.anndata.cells import Cells
from setwise.readers.anndata.file import opened, samples_of
from setwise.readers.arrays import check_values
from setwise.readers.names import expanded
from setwise.readers.per_set import add_columns, tidy
from setwise.readers.request import ReadRequest
from setwise.store.file import Description, offsets_of
from setwise.store.filled import filled_store
from setwise.store.labels import LABEL, check_no_label
from setwise.store.processing import Processing
from setwise.store.sparse import SparseElements
from setwise.store.store import SetStore
from setwise.store.tables import listed

_NUMBERS = 1 << 24  # read at a time


def read_anndata(source: Any, request: ReadRequest, *, alone: str | None = None) -> SetStore:
    """Read ``X``, a layer or an array of ``obsm``; samples are told by the column ``set_id`` of ``obs``.

    Columns of ``obs`` that never change within a sample become columns of the table of sets; others are left out.
    A sparse matrix is kept sparse, in memory and on disk, and only batches of it are dense. Labels are columns of
    ``obs``.

    Args:
        source: a file, or an AnnData in memory.
        request: what is asked of reading.
        alone: name of the only sample, whose cells all are, where no column tells samples.

    Raises:
        InputError: no such file, layer, array or column, cells without a sample, or values that are not finite.
        InputError: anndata is not installed.
    """
    sets, labels, strict = request.named_sets(), request.labels, request.strict
    with opened(source, request.reading) as cells:
        _check_columns(cells, request, samples=alone is None)
        ids, codes = (
            samples_of(cells, request.set_id) if alone is None else ([alone], np.zeros(len(cells.obs), np.int64))
        )
        own, left_out = _constant_columns(cells, codes, ids, (request.set_id, *labels))
        left_out |= dict.fromkeys(labels, LABEL)
        joined, problems = add_columns(own, sets, request.sets_name, strict=strict, drop=request.drop)
        columns = _choose(cells, request.features)
        names = tuple(cells.features[n] for n in columns)
        processing = Processing(matrix=cells.what)
        description = Description(names, (len(names),), left_out, request.checked, tuple(problems), processing)
        sizes = np.bincount(codes, minlength=len(ids)).astype(np.int64)
        order = np.argsort(codes, kind="stable")
        check_no_label(names, labels)
        beside = {name: _label_column(cells.obs[name].iloc[order]) for name in labels}
        chosen = None if request.features is None else columns
        if _is_sparse(cells.matrix):
            elements = _sparse(cells, order, chosen, len(names))
            if strict:
                _check_entries(elements, sizes, ids)
            found = SetStore.from_description(elements, sizes, joined, description, beside)
            return found if request.store is None else found.save(request.store)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        fill = partial(_fill, cells=cells, places=places, columns=chosen, ids=ids, sizes=sizes, request=request)
        return filled_store(request.store, sizes, joined, description, fill, labels=beside)


def _check_columns(cells: Cells, request: ReadRequest, *, samples: bool) -> None:
    """Refuse an ``obs`` without the column that names the samples, or without those of the labels."""
    if samples and request.set_id not in cells.obs.columns:
        few = [name for name in cells.obs.columns if cells.obs[name].nunique() < len(cells.obs)]
        raise InputError(
            f"{cells.name}: obs must have a column {request.set_id!r} that names the sample of each cell; it has "
            f"{listed(few)}. Name the column with --set-id."
        )
    if missing := [name for name in request.labels if name not in cells.obs.columns]:
        raise InputError(f"{cells.name}: obs has no labels {listed(missing)}; it has {listed(list(cells.obs))}.")


def _is_sparse(matrix: Any) -> bool:
    return hasattr(matrix, "tocsr")


def _label_column(column: Any) -> pa.Array:
    """Return a column of ``obs`` as Arrow has it, categories as their text."""
    values = column.astype(object) if hasattr(column.dtype, "categories") else column
    return pa.array(values.to_numpy(), from_pandas=True)


def _constant_columns(
    cells: Cells, codes: np.ndarray, ids: list[str], others: Sequence[str]
) -> tuple[pa.Table, dict[str, str]]:
    """Return columns of ``obs`` with one value per sample, as columns of the sets; the others with the reason."""
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


def _choose(cells: Cells, features: Sequence[str] | None) -> list[int]:
    if len(set(cells.features)) < len(cells.features):
        raise InputError(f"{cells.name}: names of features must differ. Make them so with var_names_make_unique().")
    if features is None:
        return list(range(len(cells.features)))
    features = expanded(features, cells.features, cells.name)
    places = {name: position for position, name in enumerate(cells.features)}
    if unknown := [name for name in features if name not in places]:
        raise InputError(f"{cells.name} has no features {listed(unknown)}; it has {listed(cells.features)}.")
    return [places[name] for name in features]


def _pieces(cells: Cells) -> Iterator[tuple[slice, Any]]:
    count, width = cells.matrix.shape
    step = max(1, _NUMBERS // max(1, width))
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        yield rows, cells.matrix[rows]


def _sparse(cells: Cells, order: np.ndarray, columns: list[int] | None, width: int) -> SparseElements:
    """Return the matrix in the order of the sets, never dense."""
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
    *,
    cells: Cells,
    places: np.ndarray,
    columns: list[int] | None,
    ids: list[str],
    sizes: np.ndarray,
    request: ReadRequest,
) -> None:
    """Write every cell to its place among the cells of its sample."""
    for rows, piece in _pieces(cells):
        with np.errstate(over="ignore"):
            values = np.asarray(piece, dtype=np.float32)
        target[places[rows]] = values if columns is None else values[:, columns]
    if request.strict:
        offsets = offsets_of(sizes)
        for position, name in enumerate(ids):
            one = target[offsets[position] : offsets[position + 1]]
            check_values(one, sizes[position : position + 1], [name], keep_missing=request.keep_missing)
