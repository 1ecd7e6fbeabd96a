"""Lay out the table of held-out results as cells, for the page and for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from setwise.report.rounding import number
from setwise.report.verdict import best_rows
from setwise.runs.record import TestRow
from setwise.targets.objectives import Objective

_FEW_METRICS = 4  # more, of several targets, go down the page instead of across


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        head: names of the columns; the first is empty.
        rows: as many cells each, the first of which names the row.
        best: the best cell of each metric, as row and column; empty where one row alone was measured.
    """

    head: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]]

    @property
    def width(self) -> int:
        """Return the letters of a line, with two blanks and a place for a star between columns."""
        return sum(4 + max(map(len, column)) for column in zip(self.head, *self.rows, strict=True))


def results_grid(rows: Sequence[TestRow], objective: Objective, *, intervals: bool = True) -> Grid:
    """Return a row per model or baseline and a column per metric, or the other way round of many metrics."""
    if not intervals:
        rows = [row.model_copy(update={"intervals": {}}) for row in rows]
    metrics = [objective.metric(key) for key in dict.fromkeys(key for row in rows for key in row.metrics)]
    best = {(row, column) for column, metric in enumerate(metrics, start=1) for row in best_rows(rows, metric)}
    cells = [[row.name, *(_cell(row, metric.key) for metric in metrics)] for row in rows]
    head = ["", *(metric.title for metric in metrics)]
    if len(rows) == 1:
        best = set()
    if len(metrics) <= _FEW_METRICS:
        return Grid(head, cells, frozenset(best))
    turned = [list(column) for column in zip(head, *cells, strict=True)]
    return Grid(turned[0], turned[1:], frozenset((column - 1, row + 1) for row, column in best))


def _cell(row: TestRow, metric: str) -> str:
    """Return a metric, with its interval where it has one."""
    value = number(row.metrics.get(metric))
    if metric not in row.intervals:
        return value
    low, high = row.intervals[metric]
    if low == high:  # of too few sets to vary
        return value
    return f"{value} ({low:.3g} to {high:.3g})"
