"""Show the table of held-out results to people and machines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from setwise.cli.screen import Screen

if TYPE_CHECKING:
    from setwise.runs.record import RunRecord, TestRow
    from setwise.runs.run import Run
    from setwise.targets.objectives import Objective


def show_results(people: Screen, run: "Run") -> None:
    """Print how fitting ended, the table of results beside the baselines, and what it means."""
    from setwise.report.leaderboard import leaderboard
    from setwise.report.seeds import seed_sentences
    from setwise.report.verdict import verdict

    record = run.record
    split = record.split
    people.heading(f"{record.model}: {record.num_parameters:,} parameters")
    sets = f"{len(split.train):,} sets to train on, {len(split.validation):,} to choose the epoch, "
    people.line(f"{sets}{len(split.test):,} held out; {_course(record)}")
    if record.test:
        people.line()
        show_rows(people, record.test, record.objective, title=f"On the same {record.measured_on}")
    if (board := leaderboard(record)) is not None:
        people.line()
        people.table(board.head, board.rows, title=board.title)
        for sentence in board.sentences:
            people.line(sentence)
    people.line()
    people.line(verdict(record.test, record.objective, test_sets=record.measured_sets, in_folds=bool(record.folds)))
    for note in (*record.notes, *seed_sentences(record)):
        people.line(note)


def _course(record: "RunRecord") -> str:
    """Say how long the fit took, and which epochs were kept where there were epochs."""
    from setwise.report.rounding import duration

    if not record.epochs:
        return f"fitted in {duration(record.seconds)}"
    kept = f"kept: epoch {record.best_epoch}"
    if record.members:
        epochs = ", ".join(str(member.best_epoch) for member in record.members)
        kept = f"kept of {len(record.members)} members: epochs {epochs}"
    return f"{record.epochs} epochs in {duration(record.seconds)}, {kept}"


def show_rows(people: Screen, rows: "Sequence[TestRow]", objective: "Objective", *, title: str) -> None:
    """Print models and baselines beside each other; the best of each metric carries a star."""
    from setwise.report.grid import results_grid

    grid = results_grid(rows, objective)
    too_wide = grid.width > people.width
    if too_wide:
        grid = results_grid(rows, objective, intervals=False)
    people.table(grid.head, grid.rows, title=title, best=grid.best)
    if too_wide and any(row.intervals for row in rows):
        people.line("The intervals are in the report; there is no room for them here.")


def results_document(run: "Run") -> dict[str, Any]:
    """Return the JSON document of a run, for machines."""
    from setwise.report.verdict import verdict

    record = run.record
    return {
        "status": record.status,
        "model": record.model,
        "parameters": record.num_parameters,
        "features": list(record.features),
        "targets": list(record.objective.names),
        "task": record.objective.kind,
        "sets": {part: len(getattr(record.split, part)) for part in ("train", "validation", "test")},
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "members": [member.model_dump() for member in record.members],
        "seconds": record.seconds,
        "leaderboard": [row.model_dump(mode="json") for row in record.leaderboard],
        "test": [row.model_dump(mode="json") for row in record.test],
        "notes": list(record.notes),
        "seed_check": None if record.seed_check is None else record.seed_check.model_dump(mode="json"),
        "verdict": verdict(record.test, record.objective, test_sets=record.measured_sets, in_folds=bool(record.folds)),
    }
