"""Fill the tables of an explanation, set by set."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from setwise.explanations.deletion import Deletion
from setwise.explanations.more_elements import Draws

_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()
_SETS = pa.schema(
    [
        ("set_id", _TEXT),
        ("size", _WHOLE),
        ("scored", _WHOLE),
        ("answer", _TEXT),
        ("predicted", _NUMBER),
        ("explained", _NUMBER),
        ("left_out_by", _TEXT),
        ("gradients_difference", _NUMBER),
        ("gradients_error", _NUMBER),
        ("gradients_steps", _WHOLE),
        ("spread", _NUMBER),
        ("drift", _NUMBER),
    ]
)
_FAITHFULNESS = pa.schema(
    [
        ("set_id", _TEXT),
        ("method", _TEXT),
        ("answer", _TEXT),
        ("area", _NUMBER),
        ("random_area", _NUMBER),
        ("random_std", _NUMBER),
        ("orders", _WHOLE),
        ("beaten", _WHOLE),
    ]
)


class Tables:
    """Tables of an explanation, filled set by set.

    Args:
        methods: by which elements are scored.
    """

    def __init__(self, methods: Sequence[str]) -> None:
        self._methods = tuple(methods)
        self._scores: list[pa.Table] = []
        self._curves: list[pa.Table] = []
        self._draws: list[pa.Table] = []
        self._sets: list[dict[str, object]] = []
        self._faithfulness: list[dict[str, object]] = []

    def add_scores(
        self, set_id: str, answer: str, index: np.ndarray, offset: int, scores: dict[str, np.ndarray]
    ) -> None:
        """Add scores ``(n,)`` of the elements ``index`` of a set that begins at row ``offset`` of the store."""
        columns = {
            "set_id": pa.repeat(set_id, len(index)),
            "element": index,
            "row": index + offset,
            "answer": pa.repeat(answer, len(index)),
        }
        self._scores.append(pa.table({**columns, **{name: _or_null(scores[name]) for name in self._methods}}))

    def add_set(self, **values: object) -> None:
        """Add a row to the table of sets."""
        self._sets.append(values)

    def add_curve(self, set_id: str, method: str, order: int, curve: Deletion) -> None:
        """Add a deletion curve."""
        count = len(curve.removed)
        columns = {
            "set_id": pa.repeat(set_id, count),
            "method": pa.repeat(method, count),
            "order": np.full(count, order),
            "removed": curve.removed,
            "share": curve.removed / curve.size,
            "explained": curve.answers,
        }
        self._curves.append(pa.table(columns))

    def add_faithfulness(
        self, set_id: str, method: str, answer: str, curve: Deletion, by_chance: Sequence[Deletion], *, signed: bool
    ) -> None:
        """Compare a method's deletion curve with those of random orders, and add the comparison."""
        area, random = curve.area(signed=signed), np.asarray([other.area(signed=signed) for other in by_chance])
        self._faithfulness.append(
            {
                "set_id": set_id,
                "method": method,
                "answer": answer,
                "area": area,
                "random_area": random.mean(),
                "random_std": random.std(ddof=1) if len(random) > 1 else None,
                "orders": len(random),
                "beaten": int((area > random).sum()),
            }
        )

    def add_draws(self, set_id: str, answer: str, draws: Draws) -> None:
        """Add answers for parts of a set."""
        count, repeated = draws.answers.shape
        low, high = np.quantile(draws.answers, [0.05, 0.95], axis=1)
        columns = {
            "set_id": pa.repeat(set_id, count),
            "answer": pa.repeat(answer, count),
            "elements": draws.counts,
            "draws": np.full(count, repeated),
            "mean": draws.answers.mean(1),
            "std": draws.answers.std(1, ddof=1) if repeated > 1 else np.zeros(count),
            "low": low,
            "high": high,
        }
        self._draws.append(pa.table(columns))

    def finished(self) -> dict[str, pa.Table]:
        """Return all tables, by the names of `Explanation`'s attributes."""
        return {
            "scores": pa.concat_tables(self._scores),
            "sets": pa.Table.from_pylist([_plain(row) for row in self._sets], schema=_SETS),
            "faithfulness": pa.Table.from_pylist([_plain(row) for row in self._faithfulness], schema=_FAITHFULNESS),
            "deletion": pa.concat_tables(self._curves),
            "more_elements": pa.concat_tables(self._draws),
        }


def _plain(row: dict[str, object]) -> dict[str, object]:
    """Return a row with NaN as none."""
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}


def _or_null(values: np.ndarray) -> pa.Array:
    return pa.array(values, from_pandas=True)
