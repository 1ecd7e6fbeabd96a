"""Show a run in a notebook: its model, what it predicts, how good it is on held-out sets, and its leaderboard."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from setwise._notebook import Grid, as_html
from setwise.store.tables import listed

if TYPE_CHECKING:
    from setwise.runs.record import RunRecord
    from setwise.runs.run import Run

_METRICS = 4  # in the table of held-out results; all are in the report


def run_html(run: "Run") -> str:
    """Return the HTML of a run."""
    record = run.record
    parts = {name: len(getattr(record.split, name)) for name in ("train", "validation", "test", "calibration")}
    facts: dict[str, object] = {
        "model": record.model,
        "predicts": listed([target.name for target in run.objective.targets]),
        "features": listed(record.features),
        "sets": ", ".join(f"{count:,} {name}" for name, count in parts.items() if count),
        "numbers that were fitted": record.num_parameters,
        "where": "in memory" if run.path is None else str(run.path),
    }
    if record.status != "finished":
        facts["status"] = record.status
    return as_html("Run", facts, [*_held_out(record), *_leaderboard(record)])


def _held_out(record: "RunRecord") -> Iterator[Grid]:
    if record.test:
        decisive = record.objective.decisive.key
        others = [name for name in record.test[0].metrics if name != decisive]
        names = [decisive, *others][:_METRICS]
        rows = [
            [row.name, *(_with_interval(row.metrics.get(name), row.intervals.get(name)) for name in names)]
            for row in record.test
        ]
        titles = [record.objective.metric(name).title for name in names]
        yield Grid("On sets that the model has not seen, with 95% intervals", ["", *titles], rows)


def _leaderboard(record: "RunRecord") -> Iterator[Grid]:
    tried = [row for row in record.leaderboard if not row.note]
    if tried:
        rows = [[row.model, _with_interval(row.score, row.interval), f"{row.weight:.0%}", row.seconds] for row in tried]
        head = ["", record.objective.decisive.title, "weight", "seconds"]
        yield Grid("Models of the stack, on sets that they were not fitted on", head, rows)


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str | None:
    if value is None or interval is None:
        return None if value is None else f"{value:.4g}"
    return f"{value:.4g} ({interval[0]:.3g} to {interval[1]:.3g})"
