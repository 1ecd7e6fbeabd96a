"""What an example found, kept as JSON and shown as a line of a table."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One number of an example beside what it has to beat.

    Attributes:
        example: name of the example.
        case: which data, evaluated how.
        metric: in words.
        setwise: ours, with the default settings.
        interval: ends of its 95 % interval, or none.
        baseline: the best baseline's name, or what the comparison is.
        baseline_value: its number, or none.
        published: what others report, with its source; empty where nobody does.
    """

    example: str
    case: str
    metric: str
    setwise: float
    interval: tuple[float, float] | None
    baseline: str
    baseline_value: float | None
    published: str = ""


def of_evaluation(directory: Path, *, example: str, case: str, metric: str, words: str, published: str = "") -> Outcome:
    """The outcome of a ``setwise cv`` from its ``cv.json``; the best baseline is the best by the same metric."""
    found = json.loads((directory / "cv.json").read_text())
    return _outcome(found["rows"], example=example, case=case, metric=metric, words=words, published=published)


def of_run(directory: Path, *, example: str, case: str, metric: str, words: str, published: str = "") -> Outcome:
    """The outcome of a ``setwise fit`` on its test sets, from ``model.json``."""
    found = json.loads((directory / "model.json").read_text())
    return _outcome(found["test"], example=example, case=case, metric=metric, words=words, published=published)


def _outcome(
    rows: list[dict[str, Any]], *, example: str, case: str, metric: str, words: str, published: str
) -> Outcome:
    from setwise.training.metrics import lower_is_better

    model, *others = rows
    known = [row for row in others if metric in row["metrics"]]
    best = (min if lower_is_better(metric) else max)(known, key=lambda row: row["metrics"][metric])
    interval = model.get("intervals", {}).get(metric)
    return Outcome(
        example,
        case,
        words,
        model["metrics"][metric],
        None if interval is None else (interval[0], interval[1]),
        best["name"],
        best["metrics"][metric],
        published,
    )


def keep(outcomes: Iterable[Outcome], path: Path) -> None:
    """Write outcomes as JSON."""
    path.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", encoding="utf-8")


def kept(path: Path) -> list[Outcome]:
    """The outcomes that `keep` wrote."""
    return [Outcome(**{**values, "interval": _pair(values["interval"])}) for values in json.loads(path.read_text())]


def table(outcomes: Iterable[Outcome]) -> str:
    """Outcomes as a Markdown table."""
    lines = [
        "| example | data, evaluation | metric | setwise | best baseline | published |",
        "|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        ends = "" if o.interval is None else f" ({o.interval[0]:.3f} to {o.interval[1]:.3f})"
        other = o.baseline if o.baseline_value is None else f"{o.baseline_value:.3f}, {o.baseline}"
        lines.append(
            f"| {o.example} | {o.case} | {o.metric} | {o.setwise:.3f}{ends} | {other} | {o.published or '-'} |"
        )
    return "\n".join(lines)


def _pair(ends: list[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])
