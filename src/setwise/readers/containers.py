"""Read sets in memory that one object of a library holds: as a list of arrays, whatever the library."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from setwise._checks import InputError
from setwise.readers.arrays import read_arrays
from setwise.readers.per_set import named_rows
from setwise.readers.request import ReadRequest
from setwise.readers.tables.nested import is_list
from setwise.readers.tables.read import read_table
from setwise.store.kinds import is_number, to_float64
from setwise.store.store import SetStore
from setwise.store.tables import as_table, from_table, listed

_ROWS = "Give a list with one array (elements, features) for each set"


def read_container(source: Any, request: ReadRequest) -> SetStore:
    """Read an awkward array, a `SetBatch`, a list column, or arrays by the names of their sets.

    Args:
        source: the object. A mapping with the column of the names of the sets is a table.
        request: what is asked of reading.

    Raises:
        InputError: an object that does not hold sets of vectors, or whose values cannot be used.
    """
    if isinstance(source, Mapping):
        if request.set_id in source:
            return read_table(from_table(as_table(source), "the table"), request)
        return _read_mapping(source, request)
    if type(source).__name__ == "SetBatch":
        return read_arrays(*_of_batch(source, request))
    if type(source).__module__.startswith("awkward"):
        return read_arrays(_of_awkward(source), request)
    if type(source).__module__.startswith("pandas"):
        return read_arrays([_row(x, row) for row, x in enumerate(source)], request)
    return read_arrays(*_of_column(source, request))


def _read_mapping(source: Mapping[Any, Any], request: ReadRequest) -> SetStore:
    """Read arrays by the names of their sets, in the order of the table of sets where there is one."""
    arrays = {str(name): x for name, x in source.items()}
    if request.sets is None:
        names = pa.array(list(arrays), pa.string())
        return read_arrays(list(arrays.values()), replace(request, sets=pa.table({request.set_id: names})))
    rows = named_rows(request.sets, request.set_id, request.sets_name)["set_id"].to_pylist()
    if sorted(rows) != sorted(arrays):
        raise InputError(
            f"{request.sets_name} must have a row for each set; it has {listed(sorted(rows), 5)}, and there are arrays "
            f"for {listed(sorted(arrays), 5)}."
        )
    return read_arrays([arrays[name] for name in rows], request)


def _of_batch(batch: Any, request: ReadRequest) -> tuple[list[Any], ReadRequest]:
    """Return the sets of a `SetBatch`; its covariates are columns of the sets."""
    sets = list(torch.split(batch.elements.detach(), batch.sizes.tolist()))
    if batch.covariates is None:
        return sets, request
    values = batch.covariates.detach().cpu().numpy()
    table = request.sets if request.sets is not None else pa.table({request.set_id: [str(n) for n in range(len(sets))]})
    if table.num_rows == len(values):
        for column in range(values.shape[1]):
            table = table.append_column(f"covariate_{column}", pa.array(np.ascontiguousarray(values[:, column])))
    return sets, replace(request, sets=table)


def _of_awkward(array: Any) -> list[np.ndarray]:
    """Return the sets of an awkward array n * var * D, or n * var for elements that are numbers."""
    import awkward  # it made the source

    if array.ndim < 2:
        raise InputError(f"an awkward array must have a list of vectors for each set; got {array.type}. {_ROWS}.")
    try:
        sizes = np.asarray(awkward.num(array, axis=1))
        flat = awkward.flatten(array, axis=1)
        for axis in range(1, flat.ndim):
            flat = awkward.to_regular(flat, axis=axis)
        elements = awkward.to_numpy(flat, allow_missing=False)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the vectors of an awkward array must have one length, and no value may be missing; got {array.type}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    return np.split(elements, np.cumsum(sizes)[:-1])


def _row(values: Any, row: int) -> Any:
    """Return the set in one row of a series."""
    if not hasattr(values, "__len__") or isinstance(values, str):
        raise InputError(f"row {row + 1} of the column must be a set; got {values!r}. {_ROWS}.")
    return values if hasattr(values, "dtype") or hasattr(values, "columns") else np.asarray(values)


def _of_column(source: Any, request: ReadRequest) -> tuple[list[np.ndarray], ReadRequest]:
    """Return the sets of a list column that speaks Arrow; fields of structures name the features."""
    column = pa.chunked_array(source) if hasattr(source, "__arrow_c_stream__") else pa.array(source)
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    if not is_list(lists.type):
        raise InputError(f"a column of sets must hold a list of vectors in each row; got {lists.type}. {_ROWS}.")
    if lists.null_count:
        row = lists.is_null().to_pylist().index(True)
        raise InputError(f"every row of the column must be a set; row {row + 1} is missing. Drop it.")
    sizes, flat = lists.value_lengths().to_numpy(zero_copy_only=False), lists.flatten()
    if pa.types.is_struct(flat.type):
        names = [flat.type.field(position).name for position in range(flat.type.num_fields)]
        parts = dict(zip(names, flat.flatten(), strict=True))
        request = request.choosing(names, "the column")
        chosen = names if request.features is None else list(request.features)
        if unknown := [name for name in chosen if name not in names]:
            raise InputError(f"the column has no features {listed(unknown)}; it has {listed(names)}.")
        elements = np.stack([_numbers(parts[name]) for name in chosen], axis=1)
        return _divided(elements, sizes), replace(request, features=chosen)
    if not is_list(flat.type):
        return _divided(_numbers(flat), sizes), request
    widths = flat.value_lengths().to_numpy(zero_copy_only=False)
    if flat.null_count or (len(widths) and (widths != widths[0]).any()):
        raise InputError("the vectors in a column of sets must have one length, and none may be missing.")
    width = int(widths[0]) if len(widths) else 0
    return _divided(_numbers(flat.flatten()).reshape(len(widths), width), sizes), request


def _numbers(values: pa.Array) -> np.ndarray:
    if not is_number(values.type):
        raise InputError(f"elements must be numbers; a column of sets holds {values.type}. Drop what is no number.")
    if values.null_count or pa.types.is_boolean(values.type) or pa.types.is_decimal(values.type):
        return to_float64(values)
    return values.to_numpy(zero_copy_only=False)


def _divided(elements: np.ndarray, sizes: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    return np.split(elements, np.cumsum(sizes)[:-1])
