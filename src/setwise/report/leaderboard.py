"""Say which models a stack is made of, and which of them carries the answer."""

from dataclasses import dataclass

from setwise.report.rounding import duration, number
from setwise.runs.record import RunRecord
from setwise.store.tables import listed

_CARRIES = 0.1  # of the weight, at least


@dataclass(frozen=True)
class Board:
    """The leaderboard of a stack as text.

    Attributes:
        head: names of the columns.
        rows: as many cells each, the first of which names the model.
        title: on what it was measured.
        sentences: what it means.
    """

    head: list[str]
    rows: list[list[str]]
    title: str
    sentences: list[str]


def leaderboard(record: RunRecord) -> Board | None:
    """Return the leaderboard of a run; none of a run that is no stack."""
    if not record.leaderboard:
        return None
    metric = record.objective.decisive
    tried = [row for row in record.leaderboard if not row.note]
    rows = []
    for row in tried:
        score = number(row.score)
        if row.interval is not None:
            score += f" ({row.interval[0]:.3g} to {row.interval[1]:.3g})"
        rows.append([row.model, score, f"{row.weight:.0%}", duration(row.seconds)])
    return Board(
        ["", metric.title, "weight", "time"],
        rows,
        "Models of the stack, on training sets that they were not fitted on",
        _sentences(record),
    )


def _sentences(record: RunRecord) -> list[str]:
    tried = [row for row in record.leaderboard if not row.note]
    carrying = sorted((row for row in tried if row.weight >= _CARRIES), key=lambda row: -row.weight)
    found = ["What carries the answer: " + "; ".join(f"{row.model} ({row.weight:.0%}), {row.sees}" for row in carrying)]
    found[0] += "."
    if idle := [row.model for row in tried if row.weight == 0]:
        found.append(f"Dropped, since they add nothing: {listed(idle)}.")
    return [*found, *(f"{row.model} was left out: {row.note}" for row in record.leaderboard if row.note)]
