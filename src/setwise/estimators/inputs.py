"""Check what estimators are given, and bring it into a store: sets, targets, weights, covariates, groups."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.readers import columns as order
from setwise.readers.columns import has_labels, is_missing
from setwise.readers.formats.containers import Containers
from setwise.readers.formats.root import Root
from setwise.readers.read import read
from setwise.store.store import SetStore

WEIGHT = "weight"


def read_sets(sets: Any, features: Sequence[str] | None = None) -> SetStore:
    """Read the sets into a store; of a table, which may have other columns, these features where they are given."""
    if issparse(sets) or (isinstance(sets, Sequence) and any(issparse(x) for x in sets)):
        raise TypeError("Sparse input is not supported: sets must be dense arrays. Convert them with x.toarray().")
    if has_names(sets):
        return read(sets, features=features)
    if hasattr(sets, "__array__") and not _says_more(sets):
        sets = np.asarray(sets)
        ragged = sets.dtype == object and sets.ndim == 1 and all(np.ndim(x) for x in sets)
        return read(list(sets) if ragged else sets)
    return read(sets)


def _says_more(sets: Any) -> bool:
    """Return whether an array says more of its sets than NumPy would keep: masks, lengths, names."""
    masked = isinstance(sets, np.ma.MaskedArray) or getattr(sets, "is_nested", False)
    return masked or Root().takes(sets) or Containers().takes(sets)


def covariates_of(sets: Any, covariates: Any) -> Any:
    """Return the covariates that were given, else those that a batch of sets brings itself."""
    return getattr(sets, "covariates", None) if covariates is None and isinstance(sets, SetBatch) else covariates


def has_names(sets: Any) -> bool:
    """Return whether the sets are a table, whose sets have names, and not a list of sets or a column of them."""
    speaks = hasattr(sets, "__arrow_c_stream__") or hasattr(sets, "__arrow_c_array__")
    return isinstance(sets, str | PathLike) or (speaks and not Containers().takes(sets))


def plain(value: Any) -> Any:
    """Return NumPy's numbers, which grids of parameters are made of, as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def check_order(sets: Any, **columns: Any) -> None:
    """Refuse columns of pandas whose index names the sets of a table in another order: they go by position."""
    if has_names(sets) and any(has_labels(values) for values in columns.values()):
        order.check_order(read_sets(sets).set_ids, **columns)


def third(validation: Sequence[Any]) -> Any:
    return validation[2] if len(validation) > 2 else None


def numbers(y: Any) -> np.ndarray:
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None. Give one target per set.")
    values = np.asarray(y)
    if values.dtype.kind == "c":
        raise InputError("y must be real numbers. Complex data not supported.")
    if values.dtype.kind == "O":
        values = floats(values, "y")
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2):
        raise InputError(f"y must be numbers of shape (B,) or (B, T); got {values.dtype} of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise InputError("y must be finite numbers; it holds NaN or infinity. Leave out sets without a target.")
    return values.astype(np.float64)


def floats(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error


def named_numbers(values: np.ndarray) -> dict[str, pa.Array]:
    if values.ndim == 1:
        return {"target": pa.array(values)}
    return {f"target {i}": pa.array(np.ascontiguousarray(values[:, i])) for i in range(values.shape[1])}


def labels_of(y: Any) -> np.ndarray:
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None. Give one label per set.")
    if any(is_missing(label) for label in np.asarray(y, dtype=object).ravel().tolist()):
        raise InputError("y must be labels; it holds None or NaN. Leave out sets without a label.")
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("y must be labels; it holds NaN or infinity. Leave out sets without a label.")
    check_classification_targets(labels)
    return labels


def class_numbers(labels: np.ndarray, classes: np.ndarray, *, what: str = "validation labels") -> np.ndarray:
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        raise InputError(f"{what} must be among the labels of the fit; {labels[unknown][0]!r} is not.")
    return np.searchsorted(classes, labels)


def named_labels(names: list[str], number: np.ndarray) -> dict[str, pa.Array]:
    return {"target": pa.array([names[i] for i in number], pa.string())}


def flags(y: np.ndarray) -> dict[str, pa.Array]:
    """Return labels ``(B, T)`` of 0, 1 and NaN for not known as columns of classes "0" and "1".

    Raises:
        InputError: other values.
    """
    values = floats(y, "y")
    if not (np.isin(values, (0, 1)) | np.isnan(values)).all():
        raise InputError("y of shape (B, T) must hold 0 and 1 (and NaN where not known), a column for each label.")
    words = {0.0: "0", 1.0: "1"}  # NaN is none of them
    return {
        f"target {i}": pa.array([words.get(value) for value in column], pa.string())
        for i, column in enumerate(values.T.tolist())
    }


def weights_of(sample_weight: Any, num_sets: int) -> pa.Array:
    """Return weights ``(B,)`` of the sets in the loss.

    Raises:
        InputError: no numbers, negative ones, or not one for each set.
    """
    weights = floats(sample_weight, "sample_weight")
    if weights.shape != (num_sets,):
        raise InputError(f"sample_weight must be 1D, one number per set ({num_sets}); got shape {weights.shape}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise InputError("sample_weight must be finite numbers of 0 or more that are not all zero weights.")
    return pa.array(weights)


def with_columns(store: SetStore, targets: dict[str, pa.Array], *, covariates: Any, groups: Any = None) -> SetStore:
    """Return the store with these columns for its sets, beside their names, and no others."""
    columns = dict(targets)
    covariates = covariates.detach().cpu() if isinstance(covariates, torch.Tensor) else covariates
    if covariates is not None:
        values = floats(covariates, "covariates")
        if values.ndim != 2:
            raise InputError(f"covariates must have shape (B, C); got {values.shape}.")
        names = [f"covariate {name}" for name in getattr(covariates, "columns", range(values.shape[1]))]
        if len(set(names)) < len(names):
            raise InputError("covariates must have columns of different names. Rename them.")
        columns |= {name: pa.array(np.ascontiguousarray(values[:, i])) for i, name in enumerate(names)}
    if groups is not None:
        groups = np.asarray(groups, dtype=object)
        if any(is_missing(group) for group in groups.ravel().tolist()):
            raise InputError("groups must have a value for every set; one is missing. Give each set its group.")
        columns["group"] = pa.array([str(group) for group in groups])
    for name, column in columns.items():
        if len(column) != len(store):
            raise InputError(
                f"{name.split()[0]} must have one entry per set: inconsistent numbers of samples, "
                f"{len(store)} sets and {len(column)} entries."
            )
    return store.with_sets(pa.table({"set_id": store.set_ids, **columns}))


def covariate_names(store: SetStore) -> list[str]:
    return [name for name in store.sets.column_names if name.startswith("covariate ")]


def check_covariates(store: SetStore, wanted: Sequence[str]) -> None:
    """Refuse other covariates than those of the fit; their order is of no matter where they have names."""
    got = covariate_names(store)
    if sorted(got) != sorted(wanted):
        fitted, given = (", ".join(n.removeprefix("covariate ") for n in names) or "none" for names in (wanted, got))
        raise InputError(f"covariates must be those that the model was fitted with: {fitted}; got {given}.")


def joined_stores(first: SetStore, second: SetStore) -> SetStore:
    """Join the sets of two stores to one, named by their positions."""
    if (first.shape, first.features) != (second.shape, second.features):
        raise InputError(
            f"validation sets must have the elements of the training sets, {first.shape}; got {second.shape}."
        )
    columns = [name for name in second.sets.column_names if name != "set_id"]  # groups are of the first alone
    sets = pa.concat_tables([first.sets.select(columns), second.sets.select(columns)])
    names = pa.array([str(i) for i in range(sets.num_rows)])
    elements = [store.elements(row) for store in (first, second) for row in range(len(store))]
    sizes = np.concatenate([first.sizes, second.sizes])
    return SetStore(np.concatenate(elements), sizes, sets.add_column(0, "set_id", names), features=list(first.features))
