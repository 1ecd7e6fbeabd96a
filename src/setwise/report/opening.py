"""Say first, in three sentences, what was asked of a run, how good it is, and what to distrust."""

from setwise.report.caveats import distrust
from setwise.report.confounding import Association
from setwise.report.rounding import number
from setwise.report.verdict import no_better_than_constant
from setwise.runs.record import BEST_SINGLE, RunRecord, TestRow
from setwise.store.tables import listed

_PLAIN = ("r2", "auc", "accuracy", "concordance", "macro_f1")  # metrics that people read without the units


def opening(record: RunRecord, found: tuple[Association, ...]) -> list[str]:
    """Return three sentences.

    Args:
        record: of a fitted run.
        found: columns of the sets that go along with the target.
    """
    return [_asked(record), _good(record), distrust(record, found)]


def _asked(record: RunRecord) -> str:
    split, of = record.split, record.objective.of
    names = listed([repr(name) for name in record.objective.names], 4)
    what = f"{names} of each element" if of == "elements" else f"{names} of a set"
    learned = (
        f"{record.model} learned from all {len(split.train):,} sets, and was measured by fits that had each not seen "
        "the sets that they predict"
        if record.folds
        else f"{record.model} learned from {len(split.train) + len(split.validation):,} sets and was measured on "
        f"{len(split.test):,} others"
    )
    return f"Asked: can {what} be predicted from {len(record.features):,} features of the set's elements? {learned}."


def _good(record: RunRecord) -> str:
    if not record.test:
        return "How good: nobody knows, since no sets were held out."
    model, *others = (row for row in record.test if row.name != BEST_SINGLE)
    metric = record.objective.decisive
    plain = next((key for key in _PLAIN if key in model.metrics), None)
    key = metric.key if plain is None or metric.key not in model.metrics else plain
    if key not in model.metrics:
        return "How good: nothing could be measured on these sets."
    shown = record.objective.metric(key)
    text = f"How good: {shown.title} {_value(model, key)} on sets that it had not seen"
    rivals = [row for row in others if key in row.metrics and row.name != "constant"]
    if rivals:
        best = max(rivals, key=lambda row: shown.sign * row.metrics[key])
        text += f", against {_value(best, key)} of {best.name}"
    if said := no_better_than_constant(record.test, record.objective):
        text += f"; that is no better than a constant ({said})"
    return f"{text}."


def _value(row: TestRow, key: str) -> str:
    """Return a metric with its interval."""
    low, high = row.intervals.get(key, (None, None))
    if low is None or low == high:
        return number(row.metrics[key])
    return f"{number(row.metrics[key])} (95% interval {number(low)} to {number(high)})"
