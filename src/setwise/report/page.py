"""Write the report of a run: one HTML file that holds all of itself."""

from datetime import datetime
from pathlib import Path

from setwise._files import write_atomic
from setwise.explanations.explain import Explanation
from setwise.report import sections
from setwise.report.card import CARD, card
from setwise.report.caveats import caveats
from setwise.report.confounding import Association, associations
from setwise.report.explanation import Figures, section
from setwise.report.feature_associations import against_target
from setwise.report.opening import opening
from setwise.report.render import render
from setwise.report.words import Words
from setwise.runs.run import Run
from setwise.store.inspect import Summary, summarise
from setwise.store.store import SetStore

REPORT = "report.html"
# around the section on elements, in `templates/run.html` and so in every report that was ever written
_BEGIN, _END = "<!-- which elements matter -->", "<!-- as far as is known -->"


def write_report(run: Run, store: SetStore, *, command: str) -> Path:
    """Write ``report.html`` and the model card ``card.md`` into a run's directory, each whole or not at all.

    Args:
        run: a run that was just fitted, with its directory.
        store: the sets that it was fitted and tested on.
        command: the one that repeats the run.

    Returns:
        The path of the report.

    Raises:
        RuntimeError: a run without a directory.
        InputError: the directory cannot be written to.
    """
    if run.path is None:
        raise RuntimeError("a report is written into the run's directory, and this run has none. Save it first.")
    targets = () if run.objective.of == "elements" else run.objective.names
    transformed = [target.name for target in run.objective.targets if target.transform_word is not None]
    summary = summarise(store, targets=targets, group=run.record.group, transformed=transformed)
    path = run.path / REPORT
    found = associations(store, run.objective.names, apart=run.objective.sources)
    write_atomic(path, page(run, summary, store, command=command, found=found).encode())
    write_atomic(run.path / CARD, card(run, summary, found, command=command).encode())
    return path


def add_explanation(run: Run, explanation: Explanation, figures: Figures) -> Path | None:
    """Put the section about which elements matter into a run's report, in place of an older one.

    Args:
        run: a run with its directory.
        explanation: of the data that the run was fitted on.
        figures: its figures.

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
    own = Words.of(run.record.call).page(section(explanation, figures))
    write_atomic(path, f"{before}{begin}\n{own}\n{end}{after}".encode())
    return path


def page(
    run: Run, summary: Summary, store: SetStore, *, command: str, found: tuple[Association, ...] | None = None
) -> str:
    """Return the report as HTML; everything that comes from users is escaped.

    Args:
        run: a fitted run.
        summary: of its data.
        store: its data.
        command: the one that repeats the run.
        found: columns of the sets that go along with the target, where they are known already.
    """
    if found is None:
        found = associations(store, run.objective.names, apart=run.objective.sources)
    record = run.record
    of_elements = record.objective.of == "elements"
    *others, last = record.objective.names
    targets = f"{', '.join(others)} and {last}" if others else last
    model = f"{record.model}, {record.num_parameters:,} parameters, {record.objective.kind}"
    html = render(
        "run.html",
        title=f"{targets}, predicted {'of elements' if of_elements else 'from sets'}",
        about=f"{model}; setwise {record.versions['setwise']}, {moment(record.created)}",
        of_elements=of_elements,
        opening=opening(record, found),
        result=sections.result(run),
        against=against_target(store, record.objective),
        caveats=caveats(run, found, store),
        learning=sections.learning(run, store.sizes),
        data=sections.data(run, summary, store.sizes),
        configuration=sections.configuration(record),
        command=command,
        checksums=sections.checksums(record),
    )
    return Words.of(record.call).page(html)


def moment(iso: str) -> str:
    """Return a moment to the minute, for people."""
    return datetime.fromisoformat(iso).strftime("%d %B %Y, %H:%M %Z")
