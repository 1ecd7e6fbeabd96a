"""The report of a run: one HTML file that holds all of itself."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from setwise.data.inspect import Summary, summarise
from setwise.data.store import SetStore
from setwise.report import sections
from setwise.report.distrust import distrust
from setwise.report.markup import Markup, element, joined
from setwise.report.style import CSS
from setwise.training.files import write_whole
from setwise.training.run import Run

REPORT = "report.html"


def write_report(run: Run, store: SetStore, *, command: str, explanation: Markup | None = None) -> Path:
    """Write ``report.html`` into a run's directory, whole or not at all.

    Args:
        run: a run that was just fitted, with its directory.
        store: the sets that it was fitted and tested on.
        command: what repeats the run.
        explanation: a section about which elements matter (`setwise.report.explanation.section`), or none.

    Returns:
        The path of the report.

    Raises:
        RuntimeError: a run without a directory.
        InputError: the directory cannot be written to.
    """
    if run.path is None:
        raise RuntimeError("a report is written into the run's directory, and this run has none. Save it first.")
    summary = summarise(store, targets=run.objective.targets, group=run.record.group)
    path = run.path / REPORT
    write_whole(path, page(run, summary, store, command=command, explanation=explanation).encode())
    return path


def page(run: Run, summary: Summary, store: SetStore, *, command: str, explanation: Markup | None = None) -> Markup:
    """The report as HTML; everything that comes from users is escaped."""
    record = run.record
    targets = " and ".join(record.objective.targets)
    title = f"{targets}, predicted from sets"
    what = f"{record.model}, {record.num_parameters:,} parameters, {record.objective.kind}"
    return frame(
        title,
        f"{what}; setwise {record.versions['setwise']}, {moment(record.created)}",
        [
            sections.result(run),
            *([] if explanation is None else [explanation]),
            distrust(run, store),
            sections.learning(run, store.sizes),
            sections.data(run, summary, store.sizes),
            sections.configuration(record),
            sections.repeat(command),
        ],
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
