"""Summarise what a store holds, and what is wrong with it, before anybody trains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.store.columns import TARGET_IS_FEATURE, decimal_commas, labels, vector_features
from setwise.store.identical import describe_identical, identical_sets
from setwise.store.inspect_labels import LabelSummary, about_label, summarise_label
from setwise.store.inspect_targets import about_names, about_values
from setwise.store.kinds import is_number, to_float64
from setwise.store.splits import split_sets
from setwise.store.store import SetStore
from setwise.store.tables import listed

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_SHOWN = 10  # values of a column that are counted one by one
_FEW = 5  # sets a class below which its share in the test says little


@dataclass(frozen=True)
class FeatureSummary:
    """One feature over all elements; the numbers are none where no element has a finite value.

    Attributes:
        name: the column.
        minimum, maximum, mean, std: of the finite values, in the units of the feature.
        missing: elements without a finite value.
    """

    name: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    missing: int


@dataclass(frozen=True)
class ColumnSummary:
    """One column of the table of sets.

    Attributes:
        name: the column.
        kind: "number" or "text".
        missing: sets without a value.
        distinct: different values.
        minimum, maximum, mean: of a column of numbers, else none.
        counts: how many sets have each value, where there are few values, else none.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Summary:
    """The summary of a store that `setwise inspect` prints.

    Attributes:
        num_sets: B.
        num_elements: N.
        shape: trailing shape of an element.
        sizes: quantiles of the sizes of the sets, by name ("5%").
        features: one entry per feature; empty for elements that are no vectors.
        left_out: columns that are not features, and why.
        columns: one entry per column of the table of sets, but for the names of the sets.
        groups: how many groups there are, or none.
        problems: what training would refuse or what makes its outcome doubtful, one sentence each.
        labels: one entry per label of the elements.
    """

    num_sets: int
    num_elements: int
    shape: tuple[int, ...]
    sizes: Mapping[str, float]
    features: tuple[FeatureSummary, ...]
    left_out: Mapping[str, str]
    columns: tuple[ColumnSummary, ...]
    groups: int | None
    problems: tuple[str, ...]
    labels: tuple[LabelSummary, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain dictionaries and lists, for JSON."""
        return asdict(self)


def summarise(
    store: SetStore,
    *,
    targets: Sequence[str] = (),
    group: str | None = None,
    split: str = "split",
    transformed: Sequence[str] = (),
) -> Summary:
    """Look at all elements, their labels and all columns once; problems are told, not raised.

    Args:
        store: what `read` gave; with ``strict=False`` also what it would refuse.
        targets: columns that are to be predicted, which are looked at more closely.
        group: the column that says what must stay on one side of a split; by default ``group`` if it is there.
        split: the column of a given split, if it is there.
        transformed: targets that are transformed before they are learned.
    """
    features, about_features = _summarise_elements(store)
    columns = [_summarise_column(store, name) for name in store.sets.column_names if name != "set_id"]
    by_name = {column.name: column for column in columns}
    of_elements = [summarise_label(store, name) for name in store.labels]
    group = "group" if group is None and "group" in by_name else group
    quantiles = np.quantile(store.sizes, _QUANTILES).tolist()
    problems = [
        *store.description.problems,
        *_about_sets(store),
        *about_names(store),
        *about_features,
        *(describe_identical(store, rows) + " Drop all but one." for rows in identical_sets(store)),
        *(problem for name in by_name if (problem := decimal_commas(store, name))),
        *(problem for name in targets for problem in _about_target(by_name.get(name), name, len(store))),
        *(problem for name in targets for problem in about_values(store, name, transformed=name in transformed)),
        *(problem for label in of_elements for problem in about_label(label, len(store), store.num_elements)),
        *(TARGET_IS_FEATURE.format(name=n) for n in (*targets, *store.labels) if n in vector_features(store)),
        *_about_split(store, by_name, group, split),
    ]
    return Summary(
        num_sets=len(store),
        num_elements=store.num_elements,
        shape=store.shape,
        sizes={f"{q:.0%}": value for q, value in zip(_QUANTILES, quantiles, strict=True)},
        features=tuple(features),
        left_out=dict(store.left_out),
        columns=tuple(columns),
        groups=by_name[group].distinct if group in by_name else None,
        problems=tuple(problems),
        labels=tuple(of_elements),
    )


def _summarise_elements(store: SetStore) -> tuple[list[FeatureSummary], list[str]]:
    if len(store.shape) != 1:
        return [], []
    width = store.shape[0]
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    count, mean, squares = np.zeros(width, np.int64), np.zeros(width), np.zeros(width)
    for chunk in store.chunks():
        values = chunk.astype(np.float64)
        real = np.isfinite(values)
        low = np.minimum(low, np.where(real, values, np.inf).min(0))
        high = np.maximum(high, np.where(real, values, -np.inf).max(0))
        found = real.sum(0)
        centre = np.where(real, values, 0.0).sum(0) / np.maximum(found, 1)
        spread = np.where(real, np.square(np.where(real, values, 0.0) - centre), 0.0).sum(0)
        total = np.maximum(count + found, 1)
        squares += spread + np.square(centre - mean) * count * found / total
        mean += (centre - mean) * found / total
        count += found
    std = np.sqrt(squares / np.maximum(count, 1))
    summaries, problems = [], []
    for column, name in enumerate(store.features):
        missing = store.num_elements - int(count[column])
        if not count[column]:
            summaries.append(FeatureSummary(name, None, None, None, None, missing))
        else:
            minimum, maximum, centre, spread = (float(x[column]) for x in (low, high, mean, std))
            summaries.append(FeatureSummary(name, minimum, maximum, centre, spread, missing))
        if missing:
            problems.append(
                f"feature {name!r} has no finite value in {missing} of {store.num_elements} elements "
                f"(the first in set {_first_missing(store, column)!r}). Drop these elements, or fill them in."
            )
        elif low[column] == high[column]:
            problems.append(f"feature {name!r} is {low[column]:g} in every element, in float32: it says nothing.")
        elif max(-low[column], high[column]) * 2.0**-24 > 0.001 * std[column]:
            problems.append(
                f"feature {name!r} varies too little around {mean[column]:g} for float32, which keeps 7 digits. "
                "Subtract an offset from it."
            )
    return summaries, problems


def _first_missing(store: SetStore, column: int) -> str:
    for row, name in enumerate(store.set_ids):
        if not np.isfinite(store.elements(row)[:, column]).all():
            return name
    raise AssertionError("no element is missing")


def _summarise_column(store: SetStore, name: str) -> ColumnSummary:
    values = store.sets[name].combine_chunks()
    if pa.types.is_nested(values.type):
        return ColumnSummary(name, str(values.type), values.null_count, len(values) - values.null_count)
    texts = [x for x in labels(store, name, rows=[]) if x is not None]
    kinds, amounts = np.unique(texts, return_counts=True)
    counts = dict(zip(kinds.tolist(), amounts.tolist(), strict=True)) if len(kinds) <= _SHOWN else None
    missing = len(store) - len(texts)
    if not is_number(values.type):
        return ColumnSummary(name, "text", missing, len(kinds), counts=counts)
    numbers = to_float64(values)
    finite = numbers[np.isfinite(numbers)]
    missing = len(store) - len(finite)
    if not finite.size:
        return ColumnSummary(name, "number", missing, 0)
    return ColumnSummary(
        name, "number", missing, len(kinds), float(finite.min()), float(finite.max()), float(finite.mean()), counts
    )


def _about_sets(store: SetStore) -> list[str]:
    problems = []
    if len(store) == 1:
        problems.append("there is one set only; training needs sets to learn from and others to test on.")
    elif len(store) < 20:
        problems.append(f"there are {len(store)} sets only; a test on so few says little.")
    ones = int((store.sizes == 1).sum())
    if ones and ones < len(store):
        problems.append(f"{ones} of {len(store)} sets have one element only.")
    return problems


def _about_target(column: ColumnSummary | None, name: str, num_sets: int) -> list[str]:
    if column is None:
        return [f"the sets have no column {name!r}, which is to be predicted."]
    problems = []
    if column.missing:
        problems.append(f"target {name!r} is missing for {column.missing} of {num_sets} sets.")
    if column.distinct == 1:
        problems.append(f"target {name!r} is the same for all sets: there is nothing to learn from it.")
    if column.kind == "text" and column.distinct > max(2, num_sets // 2):
        problems.append(f"target {name!r} has {column.distinct} classes for {num_sets} sets.")
    elif column.kind == "text" and column.counts:
        rare = [repr(value) for value, count in column.counts.items() if count < _FEW]
        if rare and column.distinct > 1:
            problems.append(f"target {name!r}: fewer than {_FEW} sets of class {listed(rare, 5)}.")
    return problems


def _about_split(store: SetStore, by_name: Mapping[str, ColumnSummary], group: str | None, split: str) -> list[str]:
    """Say why the sets cannot be divided as the columns ask."""
    if group is not None and group not in by_name:
        return [f"the sets have no column {group!r}, which names their groups."]
    if len(store) == 1:
        return []
    try:
        split_sets(
            len(store),
            groups=None if group is None else np.array(labels(store, group)),
            given=np.array(labels(store, split)) if split in by_name else None,
        )
    except InputError as error:
        return [str(error)]
    return []
