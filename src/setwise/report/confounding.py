"""Measure how strongly columns of the table of sets go along with a target, since a model can learn a batch instead."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.stats import permutation_test, rankdata

from setwise.store.kinds import is_number, to_float64
from setwise.store.store import SetStore

SIZE = "size of the set"
_SHUFFLES = 999
_FEWEST = 6  # sets with both values; fewer show nothing
_CLASSES = 2  # numbers with as many different values are classes
_NOT_ABOUT_SETS = ("set_id", "split")


@dataclass(frozen=True)
class Association:
    """An association between a column and a target of the same sets.

    Attributes:
        column: of the table of sets, or the number of elements (`SIZE`).
        target: the column that is predicted.
        sets: number of sets that have both values.
        strength: 0 for nothing to 1 for everything: Cramer's V of two classifications, the correlation ratio of ranks
            of a classification and a number, the absolute rank correlation (Spearman) of two numbers.
        p_value: share of 999 random pairings of the two (and the true one) that are at least as strong.
        adjusted: the p-value times the number of columns that were looked at, stepwise (Holm 1979).
    """

    column: str
    target: str
    sets: int
    strength: float
    p_value: float
    adjusted: float


def associations(store: SetStore, targets: tuple[str, ...], *, apart: tuple[str, ...] = ()) -> tuple[Association, ...]:
    """Return the associations of the targets with the other columns and with the sizes of the sets, strongest first.

    Columns that are names (text that hardly repeats), constant or known for few sets are passed over. Sets are
    shuffled one by one, so groups of sets (several of one patient) make p-values too small.

    Args:
        store: the sets.
        targets: columns that are predicted; those that are no columns of the table of sets are passed over.
        apart: other columns that are not looked at, since targets are read from them.
    """
    table = store.sets
    columns: dict[str, np.ndarray] = {SIZE: store.sizes.astype(np.float64)}
    for name in table.column_names:
        values = None if name in _NOT_ABOUT_SETS else _values(table[name].combine_chunks())
        if values is not None:
            columns[name] = values
    found = []
    for target in targets:
        if target not in columns:
            continue
        for name, values in columns.items():
            if name not in targets and name not in apart:
                found += _associated(name, values, target, columns[target])
    return tuple(sorted(_holm(found), key=lambda a: -a.strength))


def _values(column: pa.Array) -> np.ndarray | None:
    """Return numbers with NaN, or classes as text with None; none for lists and for names of the sets."""
    if pa.types.is_nested(column.type):
        return None
    if is_number(column.type) and not pa.types.is_boolean(column.type):
        return to_float64(column)
    texts = np.array(column.cast(pa.string()).to_pylist(), dtype=object)
    known = texts[texts != None]  # noqa: E711 - elementwise
    return None if len(set(known)) > len(known) / 2 else texts


def _associated(name: str, values: np.ndarray, target: str, wanted: np.ndarray) -> list[Association]:
    known = _known(values) & _known(wanted)
    a, b = _coded(values[known]), _coded(wanted[known])
    if known.sum() < _FEWEST or np.ptp(a[0]) == 0 or np.ptp(b[0]) == 0:
        return []

    def strength(shuffled: np.ndarray) -> float:
        return _strength(a, (shuffled, b[1]))

    test = permutation_test(
        (b[0],), strength, permutation_type="pairings", n_resamples=_SHUFFLES, alternative="greater", rng=0
    )
    return [Association(name, target, int(known.sum()), strength(b[0]), float(test.pvalue), 1.0)]


def _known(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) if values.dtype != object else values != None  # noqa: E711 - elementwise


def _coded(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return ranks of numbers, or numbers of classes; and whether they are classes."""
    different, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    if values.dtype == object or len(different) <= _CLASSES:
        return codes, True
    return rankdata(values), False


def _strength(a: tuple[np.ndarray, bool], b: tuple[np.ndarray, bool]) -> float:
    """Return a strength from 0 to 1; each of a and b is values and whether they are classes."""
    if a[1] and b[1]:
        return _cramers_v(a[0], b[0])
    if not a[1] and not b[1]:
        return abs(float(np.corrcoef(a[0], b[0])[0, 1]))
    classes, ranks = (a[0], b[0]) if a[1] else (b[0], a[0])
    counts = np.bincount(classes)
    means = np.bincount(classes, ranks) / np.maximum(counts, 1)
    between = (counts * (means - ranks.mean()) ** 2).sum()
    return float(np.sqrt(between / ((ranks - ranks.mean()) ** 2).sum()))


def _cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / len(a)
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (len(a) * (min(table.shape) - 1))))


def _holm(found: list[Association]) -> list[Association]:
    """Adjust p-values for their number, stepwise."""
    order = sorted(found, key=lambda a: a.p_value)
    adjusted, largest = [], 0.0
    for position, a in enumerate(order):
        largest = max(largest, min(1.0, a.p_value * (len(order) - position)))
        adjusted.append(Association(a.column, a.target, a.sets, a.strength, a.p_value, largest))
    return adjusted
