"""Write the page of what was read: sizes, features over sets, batches, targets and problems, before anybody trains."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise._files import write_atomic
from setwise.report import figures
from setwise.report.drawing import Drawing
from setwise.report.inspection_figures import batch_axes, biaxial, features_over_sets
from setwise.report.page import moment
from setwise.report.render import render
from setwise.report.rounding import number
from setwise.report.sections import feature_tables, left_out_table, skipped_table
from setwise.report.table import Table, table
from setwise.report.words import Words
from setwise.runs.record import library_versions, now
from setwise.store.columns import labels
from setwise.store.inspect import Summary
from setwise.store.set_summaries import set_summaries
from setwise.store.store import SetStore

_MOST_COLOURED = 4  # columns that colour the batches
_MOST_VALUES = 8  # of a column that colours
_FEWEST_SETS = 3


@dataclass(frozen=True, eq=False)
class Inspection:
    """All that the page shows beside the summary.

    Attributes:
        command: that repeats it.
        plan: what a fit would do, a sentence each; empty where no target is named.
        pairs: of features to be drawn against each other.
        first: columns that colour first: targets and the group.
        words: for sets and elements.
    """

    command: str
    plan: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()
    first: Sequence[str] = ()
    words: Words = field(default_factory=Words)


def write_inspection(store: SetStore, summary: Summary, path: Path, asked: Inspection) -> None:
    """Write the page, whole or not at all.

    Raises:
        InputError: a pair of features that are not there; a folder that cannot be written to.
    """
    write_atomic(path, page(store, summary, asked).encode())


def page(store: SetStore, summary: Summary, asked: Inspection) -> str:
    """Return the page as HTML; everything that comes from users is escaped."""
    of_vectors = len(store.shape) == 1
    drawn = [figures.set_sizes(store.sizes)]
    over_sets: list[Drawing] = []
    if of_vectors and len(store) >= _FEWEST_SETS:
        found = set_summaries(store, np.arange(len(store)))
        over_sets = [features_over_sets(store, found)]
        drawn += [batch_axes(store, found[:, 0], name, values) for name, values in _coloured(store, asked.first)]
    features = feature_tables(summary)
    html = render(
        "inspection.html",
        title=f"What was read: {summary.num_sets:,} sets of {summary.num_elements:,} elements",
        about=f"setwise {library_versions()['setwise']}, {moment(now())}",
        problems=summary.problems,
        plan=asked.plan,
        sizes=", ".join(f"{name}: {number(value)}" for name, value in summary.sizes.items()),
        figures_of_sets=drawn,
        over_sets=over_sets,
        pairs=[biaxial(store, *_checked(store, pair)) for pair in asked.pairs],
        shape=summary.shape,
        features=features,
        columns=_columns(summary),
        notes=[*store.description.processing.describe(), *store.description.notes],
        skipped=skipped_table(store.description.skipped),
        left_out=left_out_table(summary.left_out),
        command=asked.command,
    )
    return asked.words.page(html)


def _checked(store: SetStore, pair: tuple[str, str]) -> tuple[int, int]:
    """Return the places of two features."""
    for name in pair:
        if len(store.shape) != 1 or name not in store.features:
            raise InputError(f"{name!r} is no feature to be drawn; there are {', '.join(store.features[:20])}.")
    return store.features.index(pair[0]), store.features.index(pair[1])


def _coloured(store: SetStore, first: Sequence[str]) -> list[tuple[str, list[str | None]]]:
    """Return the columns that tell batches apart by few values, those that were named first; one without at least."""
    names = [name for name in dict.fromkeys((*first, *store.sets.column_names)) if name in store.sets.column_names]
    found = []
    for name in names:
        if name == "set_id":
            continue
        try:
            values = labels(store, name, rows=[])
        except InputError:  # lists
            continue
        if 1 < len({value for value in values if value is not None}) <= min(_MOST_VALUES, len(store) // 2):
            found.append((name, values))
    return found[:_MOST_COLOURED] or [("", [None] * len(store))]


def _columns(summary: Summary) -> Table | None:
    rows = [
        [
            c.name,
            c.kind,
            f"{c.distinct:,}",
            f"{c.missing:,}",
            *map(number, (c.minimum, c.maximum, c.mean)),
            _counts(c.counts),
        ]
        for c in summary.columns
    ]
    head = ["column", "kind", "different values", "missing", "lowest", "highest", "mean", "sets of each value"]
    return table(head, rows, caption="Columns of the sets.") if rows else None


def _counts(counts: object) -> str:
    return "; ".join(f"{value}: {count:,}" for value, count in counts.items()) if isinstance(counts, dict) else ""
