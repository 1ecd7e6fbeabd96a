"""The report of a cross-validation: one HTML file that holds all of itself."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from setwise._files import write_atomic
from setwise.report import figures
from setwise.report.drawing import BLUE, ORANGE, Drawing, axes
from setwise.report.evidence import conclusion, divided, evidence
from setwise.report.grid import results_grid
from setwise.report.markup import Markup, definitions, element, joined, table
from setwise.report.page import frame, moment
from setwise.report.rounding import duration, number
from setwise.report.sections import ELEMENT_BASELINES, figures_of, left_out, outcome_drawings, reading, repeat
from setwise.report.verdict import metric_words
from setwise.runs.record import library_versions, now
from setwise.store.store import SetStore
from setwise.targets.metrics import decisive_metric
from setwise.validate.cross_validation import CrossValidation

_SHOWN = 50


def write_report(found: CrossValidation, store: SetStore, directory: Path, *, command: str) -> Path:
    """Write ``report.html``, whole or not at all.

    Args:
        found: what cross-validation found.
        store: the sets.
        directory: where to.
        command: what repeats the evaluation.

    Returns:
        The path of the report.

    Raises:
        InputError: the directory cannot be written to.
    """
    path = directory / "report.html"
    write_atomic(path, page(found, store, command=command).encode())
    return path


def page(found: CrossValidation, store: SetStore, *, command: str) -> Markup:
    """The report as HTML; everything that comes from users is escaped."""
    targets = " and ".join(found.study.targets)
    what = f"cross-validation of {found.study.model}, {found.objective.kind}"
    return frame(
        f"How well {targets} can be predicted {'from sets' if found.sizes is None else 'of elements'}",
        f"{what}; setwise {library_versions()['setwise']}, {moment(now())}",
        [_result(found), _chance(found), _folds(found), _setup(found, store), repeat(command)],
    )


def _result(found: CrossValidation) -> Markup:
    grid = results_grid(found.measured.rows)
    turned = grid.rows[0][0] != found.measured.rows[0].name
    first = found.predictions.filter(pc.equal(found.predictions["repeat"], 1))  # pyright: ignore[reportAttributeAccessIssue]
    said = [sentence.removeprefix("- ") for sentence in evidence(found)]
    return element(
        "section",
        element("h2", f"Result on {'' if found.sizes is None else 'elements of '}sets that the models had not seen"),
        element("p", " ".join(conclusion(found)), attributes={"class": "verdict"}),
        table(
            grid.head,
            grid.rows,
            caption=f"{divided(found)}.",
            marked=frozenset() if turned else frozenset({0}),
            best=grid.best,
        ),
        element("p", ELEMENT_BASELINES, attributes={"class": "quiet"}) if found.sizes is not None else "",
        element("h3", "How far this reaches"),
        element("ul", joined(element("li", sentence) for sentence in said)),
        figures_of(outcome_drawings(found.objective, first)),
        element("p", "Figures show the first repeat.", attributes={"class": "quiet"}) if found.repeats > 1 else "",
    )


def _chance(found: CrossValidation) -> Markup:
    """The metric of shuffled targets, where they were tried."""
    test = found.permutation
    metric = decisive_metric(found.objective)
    if test is None or metric not in test.observed:
        return Markup("")
    values = [one[metric] for one in test.shuffled if metric in one]
    what = "targets" if found.sizes is None else "labels"
    numbers = np.array(values)
    drawing = shuffled_targets(numbers, test.observed[metric], metric_words(metric), test.p_values[metric], what=what)
    return element("section", element("h2", f"Would shuffled {what} do as well?"), figures_of([drawing]))


def shuffled_targets(
    values: np.ndarray, observed: float, words: str, p_value: float, *, what: str = "targets"
) -> Drawing:
    """The metric of evaluations with shuffled targets (or labels, ``what``) ``(P,)``, and that of the targets."""
    with axes(height=2.9) as (figure, ax):
        ax.hist(values, bins=min(30, max(5, len(values) // 4)), color=BLUE, edgecolor="white", linewidth=0.5)
        ax.axvline(observed, color=ORANGE, linewidth=2, linestyle="--", label=f"the {what} as they are")
        ax.set_xlabel(words)
        ax.set_ylabel("shufflings")
        figure.legend(loc="outside lower center")
    return Drawing(
        figure,
        f"{words[:1].upper()}{words[1:]} with {len(values)} shufflings of the {what} (p = {number(p_value)}).",
        f"Histogram of {words} for {len(values)} shufflings, from {values.min():.3g} to {values.max():.3g}; "
        f"with the {what} as they are it is {observed:.3g}.",
    )


def _folds(found: CrossValidation) -> Markup:
    head = ["fold", "trained on", "validated on", "tested", "epochs", "time"]
    rows = [
        [
            f"repeat {result.repeat + 1}, fold {result.fold + 1}",
            number(result.trained),
            number(result.validated),
            number(len(result.tested)),
            number(result.epochs),
            duration(result.seconds),
        ]
        for result in found.results
    ]
    caption = f"{len(rows)} fits" + (f", the first {_SHOWN}." if len(rows) > _SHOWN else ".")
    return element("section", element("h2", "Folds"), table(head, rows[:_SHOWN], caption=caption))


def _setup(found: CrossValidation, store: SetStore) -> Markup:
    description = store.description
    pairs = [
        ("sets", number(len(store))),
        ("elements", f"{number(store.num_elements)}, all sets together"),
        ("features", ", ".join(store.features)),
        *[(name.replace("_", " "), _plain(value)) for name, value in found.study.identity().items()],
        ("fingerprint of the data", store.fingerprint),
        *library_versions().items(),
    ]
    return element(
        "section",
        element("h2", "What was evaluated"),
        figures_of([figures.set_sizes(store.sizes)]),
        definitions(pairs),
        reading([*description.processing.describe(), *description.notes], description.skipped),
        left_out(store.left_out),
    )


def _plain(value: object) -> str:
    if value is None or value in ((), [], {}):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
