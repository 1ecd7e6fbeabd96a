"""Write the model card of a run: what it is for, how good it is, what it learned from, and where it ends."""

from collections.abc import Iterator, Sequence

from setwise.report.caveats import sentences
from setwise.report.confounding import Association
from setwise.report.grid import results_grid
from setwise.report.rounding import duration, number
from setwise.report.seeds import seed_sentences
from setwise.report.verdict import verdict
from setwise.runs.record import RunRecord
from setwise.runs.run import Run
from setwise.store.inspect import ColumnSummary, Summary
from setwise.store.tables import listed

CARD = "card.md"
_SHOWN = 30


def card(run: Run, summary: Summary, found: tuple[Association, ...], *, command: str) -> str:
    """Return a model card as Markdown; what comes from users is escaped.

    Args:
        run: a fitted run.
        summary: of the sets that it was fitted and measured on.
        found: columns of these sets that go along with the target.
        command: the one that repeats the run.
    """
    record = run.record
    parts = {
        "What it is for": _purpose(record),
        "How good it is": _quality(record),
        "What it learned from": _data(record, summary),
        "Where it ends": _limits(record, found),
        "How it was made": _making(record, command),
        "Checksums": [
            f"- {name}: `{value}`"
            for name, value in (
                ("weights (SHA-256)", record.weights_sha256),
                ("data that it was fitted and measured on", record.fingerprint),
            )
            if value
        ],
    }
    title = f"# Model card: {_plain(listed(list(record.objective.names), 5))}"
    body = "\n\n".join(f"## {name}\n\n" + "\n".join(lines) for name, lines in parts.items())
    return f"{title}\n\n{body}\n"


def _purpose(record: RunRecord) -> list[str]:
    of = "each element of a set" if record.objective.of == "elements" else "a set"
    names = _plain(listed(list(record.features), _SHOWN))
    lines = [
        f"Predicts {_plain(listed(list(record.objective.names), 5))} ({record.objective.kind}) of {of} from the "
        "elements of the set, whose features must be measured as in training, by the same names and in the same units: "
        f"{names}.",
    ]
    if record.covariates is not None:
        lines.append(f"It takes covariates of the sets as well: {_plain(', '.join(record.covariates.names))}.")
    lines += ["", "**Intended use and users:** *to be said by whoever gives the model away; nothing here can know it.*"]
    return lines


def _quality(record: RunRecord) -> list[str]:
    said = verdict(record.test, record.objective, test_sets=record.measured_sets, in_folds=bool(record.folds))
    lines = [_plain(line) for line in said.splitlines()]
    if record.test:
        grid = results_grid(record.test, record.objective)
        lines += ["", f"On {record.measured_on}, with 95% intervals:", "", *_table(grid.head, grid.rows)]
    return lines


def _data(record: RunRecord, summary: Summary) -> list[str]:
    split = record.split
    lines = [
        f"- {number(summary.num_sets)} sets of {number(summary.num_elements)} elements; of a set: "
        + ", ".join(f"{name} {number(value)}" for name, value in summary.sizes.items()),
        f"- trained on {len(split.train):,} sets, validated on {len(split.validation):,}, measured on "
        f"{record.measured_on}",
        f"- kept together: {'nothing, each set by itself' if summary.groups is None else _groups(record, summary)}",
        *(f"- {_target(column)}" for column in summary.columns if column.name in record.objective.names),
        *(f"- {_plain(line)}" for line in (*record.processed.describe(), *record.reading)),
    ]
    if record.skipped:
        lines.append(f"- left out since they could not be read: {_plain(listed(list(record.skipped), 10))}")
    if record.left_out:
        lines.append(f"- columns that are no features: {_plain(listed(list(record.left_out), _SHOWN))}")
    return lines


def _groups(record: RunRecord, summary: Summary) -> str:
    return f"{_plain(record.group or 'group')} ({number(summary.groups)} of them)"


def _target(column: ColumnSummary) -> str:
    if column.kind == "number" and not (column.counts and column.distinct == 2):
        return (
            f"{_plain(column.name)}: {number(column.minimum)} to {number(column.maximum)}, mean {number(column.mean)}"
        )
    counts = listed([f"{value} {count:,}" for value, count in (column.counts or {}).items()], _SHOWN)
    return f"{_plain(column.name)}: {_plain(counts) or f'{column.distinct:,} classes'}"


def _limits(record: RunRecord, found: tuple[Association, ...]) -> list[str]:
    lines = [f"- {_plain(line)}" for line in (*sentences(found, record.measured_sets), *record.notes)]
    lines += [f"- {_plain(line)}" for line in seed_sentences(record)]
    known = record.training_range
    lines.append(
        "- What it says of sets that were measured otherwise (other units, instruments, populations) is not known"
        + (
            "."
            if known is None
            else f": `setwise predict` warns of sets that lie well beyond the {known.count:,} training sets it knows."
        )
    )
    if record.conformal is not None:
        lines.append("- Its intervals keep their promise for sets drawn like the training sets, and for no others.")
    return lines


def _making(record: RunRecord, command: str) -> list[str]:
    return [
        f"- {_plain(record.model)}, {record.num_parameters:,} parameters, seed {record.config.seed}, in "
        f"{duration(record.seconds)}, {record.created}",
        f"- {', '.join(f'{name} {version}' for name, version in record.versions.items())}",
        "",
        "```text",
        command.replace("```", ""),
        "```",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it stands, on one line."""
    shown = " ".join(text.split())
    for letter in "\\`*_[]<>|#":
        shown = shown.replace(letter, f"\\{letter}")
    return shown
