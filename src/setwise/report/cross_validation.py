"""Write the report of a cross-validation: one HTML file that holds all of itself."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from setwise._files import write_atomic
from setwise.report import figures
from setwise.report.drawing import BLUE, ORANGE, Drawing, axes
from setwise.report.evidence import conclusion, divided, evidence
from setwise.report.grid import results_grid
from setwise.report.page import moment
from setwise.report.render import render
from setwise.report.rounding import duration, number
from setwise.report.sections import left_out_table, outcome_drawings, skipped_table
from setwise.report.table import Table, table
from setwise.report.worst import worst_sets
from setwise.runs.held_out_table import with_groups
from setwise.runs.record import library_versions, now
from setwise.store.store import SetStore
from setwise.validate.cross_validation import CrossValidation

_SHOWN = 50


def write_report(found: CrossValidation, store: SetStore, directory: Path, *, command: str) -> Path:
    """Write ``report.html``, whole or not at all.

    Args:
        found: the result of a cross-validation.
        store: the sets.
        directory: the folder that gets it.
        command: the one that repeats the evaluation.

    Returns:
        The path of the report.

    Raises:
        InputError: the directory cannot be written to.
    """
    path = directory / "report.html"
    write_atomic(path, page(found, store, command=command).encode())
    return path


def page(found: CrossValidation, store: SetStore, *, command: str) -> str:
    """Return the report as HTML; everything that comes from users is escaped."""
    of_elements = found.sizes is not None
    targets = " and ".join(found.study.targets)
    evaluated = f"cross-validation of {found.study.fitted_model}, {found.objective.kind}"
    first = found.predictions.filter(pc.equal(found.predictions["repeat"], 1))  # pyright: ignore[reportAttributeAccessIssue]
    group = found.study.group
    first = with_groups(first, store, group)
    description = store.description
    return render(
        "cross_validation.html",
        title=f"How well {targets} can be predicted {'of elements' if of_elements else 'from sets'}",
        about=f"{evaluated}; setwise {library_versions()['setwise']}, {moment(now())}",
        of_elements=of_elements,
        verdict=" ".join(conclusion(found)),
        results=_results_table(found),
        evidence=[sentence.removeprefix("- ") for sentence in evidence(found)],
        outcomes=outcome_drawings(found.objective, first, group=group),
        worst=worst_sets(found.objective, first),
        repeats=found.repeats,
        shuffled=_shuffled(found),
        folds=_folds_table(found),
        sizes=figures.set_sizes(store.sizes),
        setup=_setup(found, store),
        notes=[*description.processing.describe(), *description.notes],
        skipped=skipped_table(description.skipped),
        left_out=left_out_table(store.left_out),
        command=command,
        checksums=[],
    )


def _results_table(found: CrossValidation) -> Table:
    """Return the model beside its baselines, with the best of each metric set apart."""
    grid = results_grid(found.measured.rows, found.objective)
    turned = grid.rows[0][0] != found.measured.rows[0].name
    return table(grid.head, grid.rows, caption=f"{divided(found)}.", marked=() if turned else (0,), best=grid.best)


def _shuffled(found: CrossValidation) -> Drawing | None:
    """Draw the metric of shuffled targets, where they were tried."""
    test = found.permutation
    metric = found.objective.decisive
    if test is None or metric.key not in test.observed:
        return None
    values = np.array([one[metric.key] for one in test.shuffled if metric.key in one])
    what = "targets" if found.sizes is None else "labels"
    return shuffled_targets(values, test.observed[metric.key], metric.title, test.p_values[metric.key], what=what)


def shuffled_targets(
    values: np.ndarray, observed: float, words: str, p_value: float, *, what: str = "targets"
) -> Drawing:
    """Draw the metric of evaluations with shuffled targets (or labels, ``what``) ``(P,)``, and that of the targets."""
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


def _folds_table(found: CrossValidation) -> Table:
    """Return a row per fit, the first of them where they are many."""
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
    return table(head, rows[:_SHOWN], caption=caption)


def _setup(found: CrossValidation, store: SetStore) -> list[tuple[str, str]]:
    """Return the data, the choices and the versions of an evaluation, each with its name."""
    return [
        ("sets", number(len(store))),
        ("elements", f"{number(store.num_elements)}, all sets together"),
        ("features", ", ".join(store.features)),
        *[(name.replace("_", " "), _plain(value)) for name, value in found.study.identity().items()],
        ("fingerprint of the data", store.fingerprint),
        *library_versions().items(),
    ]


def _plain(value: object) -> str:
    if value is None or value in ((), [], {}):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
