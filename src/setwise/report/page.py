"""The report of a run: one HTML file that holds all of itself."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from setwise._files import write_atomic
from setwise.report import sections
from setwise.report.distrust import distrust
from setwise.report.markup import Markup, element, joined
from setwise.report.style import CSS
from setwise.runs.run import Run
from setwise.store.inspect import Summary, summarise
from setwise.store.store import SetStore

REPORT = "report.html"
_BEGIN, _END = Markup("<!-- which elements matter -->"), Markup("<!-- as far as is known -->")


def write_report(run: Run, store: SetStore, *, command: str) -> Path:
    """Write ``report.html`` into a run's directory, whole or not at all.

    Args:
        run: a run that was just fitted, with its directory.
        store: the sets that it was fitted and tested on.
        command: what repeats the run.

    Returns:
        The path of the report.

    Raises:
        RuntimeError: a run without a directory.
        InputError: the directory cannot be written to.
    """
    if run.path is None:
        raise RuntimeError("a report is written into the run's directory, and this run has none. Save it first.")
    targets = () if run.objective.rows == "elements" else run.objective.targets
    summary = summarise(store, targets=targets, group=run.record.group)
    path = run.path / REPORT
    write_atomic(path, page(run, summary, store, command=command).encode())
    return path


def add_explanation(run: Run, explanation: Markup) -> Path | None:
    """Put the section about which elements matter into a run's report, in place of an older one.

    Args:
        run: a run with its directory.
        explanation: the section (`setwise.report.explanation.section`), of the data that the run was fitted on.

    Returns:
        The path of the report; none where there is no report, or one without a place for it.
    """
    path = None if run.path is None else run.path / REPORT
    if path is None or not path.is_file():
        return None
    before, begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        return None
    write_atomic(path, f"{before}{begin}\n{explanation}\n{end}{after}".encode())
    return path


def page(run: Run, summary: Summary, store: SetStore, *, command: str) -> Markup:
    """The report as HTML; everything that comes from users is escaped."""
    record = run.record
    of_elements = record.objective.rows == "elements"
    *others, last = record.objective.targets
    targets = f"{', '.join(others)} and {last}" if others else last
    title = f"{targets}, predicted {'of elements' if of_elements else 'from sets'}"
    what = f"{record.model}, {record.num_parameters:,} parameters, {record.objective.kind}"
    return frame(
        title,
        f"{what}; setwise {record.versions['setwise']}, {moment(record.created)}",
        [
            sections.result(run),
            *([] if of_elements else [joined([_BEGIN, _not_explained(), _END])]),
            distrust(run, store),
            sections.learning(run, store.sizes),
            sections.data(run, summary, store.sizes),
            sections.configuration(record),
            sections.repeat(command, record),
        ],
    )


def _not_explained() -> Markup:
    return element(
        "section",
        element("h2", "Which elements matter"),
        element(
            "p",
            "Not known yet. `setwise explain RUN DATA --out FOLDER` scores every element, tests whether the scores are "
            "faithful, and puts what it finds here.",
            attributes={"class": "quiet"},
        ),
    )


def frame(title: str, what: str, parts: Sequence[Markup]) -> Markup:
    """A page: its title, a line that says what it is of, its parts."""
    head = element(
        "head",
        element("meta", attributes={"charset": "utf-8"}),
        element("meta", attributes={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", f"setwise: {title}"),
        element("style", Markup(CSS)),
    )
    header = element("header", element("h1", title), element("p", what, attributes={"class": "quiet"}))
    body = element("body", joined([header, *parts]))
    return Markup("<!doctype html>\n" + element("html", head, body, attributes={"lang": "en"}))


def moment(iso: str) -> str:
    """A moment to the minute, for people."""
    return datetime.fromisoformat(iso).strftime("%d %B %Y, %H:%M %Z")
