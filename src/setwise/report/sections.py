"""The parts of the report, each from a run and a summary of its data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from setwise._checks import counted
from setwise.report import figures, outcomes
from setwise.report.drawing import Drawing
from setwise.report.grid import results_grid
from setwise.report.markup import Markup, definitions, element, joined, table
from setwise.report.rounding import duration, number
from setwise.report.verdict import verdict
from setwise.runs.record import RunRecord
from setwise.runs.run import Run
from setwise.store.inspect import Summary
from setwise.store.tables import listed
from setwise.targets.heads import Classification, Ordinal, Regression, WhichElement, best_class
from setwise.targets.objectives import Objective

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_SHOWN_FEATURES = 12
_MOST_TARGETS = 4
_MOST_DRAWN = 5_000
_BASELINES = (
    "The baselines see moments and quantiles of each set (mean, standard deviation, skewness, seven quantiles per "
    "feature, the size) and the same covariates, whose worth alone has a row of its own. Best values are underlined."
)
ELEMENT_BASELINES = (
    "Every element with a label counts once; intervals draw whole sets (or groups), since elements of one set are no "
    "independent witnesses. The baselines see the element alone, or the element in its set: its features beside the "
    "means and standard deviations of its set. Where the second are better, the other elements of the set matter. "
    "Best values are underlined."
)
_STATUS = {
    "finished": "all epochs done",
    "stopped early": "stopped early, since the validation sets gained nothing more",
    "interrupted": "interrupted; the best weights so far were kept",
}


def result(run: Run) -> Markup:
    """How good the model is on held-out sets, beside what it has to beat."""
    record = run.record
    held_out = len(record.split.test)
    parts: list[object] = [
        element("h2", "Result on held-out sets"),
        element("p", verdict(record.test, record.objective, test_sets=held_out), attributes={"class": "verdict"}),
    ]
    if record.notes:
        parts.append(element("ul", joined(element("li", note) for note in record.notes)))
    if record.test:
        parts.append(results_table(record))
        parts.append(
            element(
                "p",
                ELEMENT_BASELINES if record.objective.rows == "elements" else _BASELINES,
                attributes={"class": "quiet"},
            )
        )
    if run.test_predictions is not None:
        parts.append(figures_of(outcome_drawings(run.objective, run.test_predictions)))
    return element("section", *parts)


def results_table(record: RunRecord) -> Markup:
    """The model and its baselines, with the best of each metric underlined."""
    grid = results_grid(record.test)
    turned = grid.rows[0][0] != record.model
    return table(
        [name if turned else _title(name) for name in grid.head],
        grid.rows,
        caption=f"The same {len(record.split.test)} held-out sets for all.",
        marked=frozenset() if turned else frozenset({0}),
        best=grid.best,
    )


def outcome_drawings(objective: Objective, predictions: pa.Table) -> list[Drawing]:
    """Figures of the predictions for held-out sets (or elements), a row for each; it has ``size`` and all columns.

    Of more rows than a figure can show, as many are shown, drawn evenly.
    """
    several = sum(head.kind != "regression" for head in objective.heads) > 1
    drawings: list[Drawing] = []
    for head in objective.heads[:_MOST_TARGETS]:
        known = predictions.filter(pc.is_valid(predictions[head.target]))
        if not known.num_rows:
            continue
        if isinstance(head, WhichElement):
            marked = _some_rows(known.filter(pc.equal(known[head.target], 1)))
            chances = marked[f"probability_{head.target}"].to_numpy()
            drawings.append(outcomes.surprise_against_size(marked["size"].to_numpy(), chances))
            continue
        known = _some_rows(known)
        if isinstance(head, Regression):
            drawings += _of_number(head, known, objective.rows)
        else:
            _, *names = head.columns(np.ones((1, head.width)), qualified=several)
            shares = np.stack([known[name].to_numpy() for name in names], axis=1)
            drawings += _of_classes(head, known, shares, f" ({head.target})" if several else "", objective.rows)
    return drawings


def _some_rows(predictions: pa.Table) -> pa.Table:
    """All of few rows; of more, as many as a figure can show, drawn evenly."""
    if predictions.num_rows <= _MOST_DRAWN:
        return predictions
    return predictions.take(np.linspace(0, predictions.num_rows - 1, _MOST_DRAWN).astype(np.int64))


def _of_number(head: Regression, known: pa.Table, what: str) -> list[Drawing]:
    sizes, truth, predicted = (known[name].to_numpy() for name in ("size", head.target, f"predicted_{head.target}"))
    return [
        outcomes.predicted_against_true(head.target, truth, predicted, what=what),
        outcomes.residuals_against_size(head.target, sizes, truth, predicted, what=what),
    ]


def _of_classes(
    head: Classification | Ordinal, known: pa.Table, shares: np.ndarray, of: str, what: str
) -> list[Drawing]:
    truth = head.encode(known[head.target].to_pylist()).astype(np.int64)
    curve = outcomes.roc(head.classes, truth, shares, of=of)
    return [
        outcomes.confusion(head.classes, truth, best_class(head, shares), of=of, what=what),
        *([] if curve is None else [curve]),
        outcomes.calibration(shares, truth, of=of, what=what),
        outcomes.surprise_against_size(
            known["size"].to_numpy(), shares[np.arange(len(truth)), truth], of=of, what=what
        ),
    ]


def learning(run: Run, sizes: np.ndarray) -> Markup:
    """Learning curves and how the fit ended."""
    record = run.record
    text = f"{record.epochs} of at most {record.config.epochs * record.config.ensemble} epochs"
    text += f" in {duration(record.seconds)}: {_STATUS[record.status]}. "
    if record.members:
        epochs = listed([str(member.best_epoch) for member in record.members], 20)
        text += f"An ensemble of {len(record.members)} models that differ in their first weights, the order of the "
        text += "training sets and sub-samples"
        text += " and in the training sets that each leaves out" if record.members[0].left_out else ""
        text += "; predictions are averaged. "
        text += f"The weights kept are those of epochs {epochs}"
    else:
        text += f"The weights kept are those of epoch {record.best_epoch}"
    text += ", the best on the validation sets." if record.split.validation else ", the last (no validation sets)."
    text += _sub_samples(record, sizes)
    drawings = []
    if run.history:
        validated = any(epoch.validation_loss is not None for epoch in run.history)
        curves = figures.learning_curves(run.history, record.best_epoch, loss=_loss(record), validated=validated)
        drawings = [curves]
    return element("section", element("h2", "Learning"), element("p", text), figures_of(drawings))


def _sub_samples(record: RunRecord, sizes: np.ndarray) -> str:
    """What was drawn of large sets, and what that does to a prediction."""
    most = record.config.max_elements
    if most is None or not (sizes > most).any():
        return ""
    largest = int(sizes.max())
    noise = ((1 - most / largest) / most) ** 0.5
    return (
        f" Of {int((sizes > most).sum()):,} sets with more than {most:,} elements, {most:,} were drawn without "
        "replacement, afresh in each epoch (once for validation sets); test sets and new sets are predicted whole. "
        f"Drawing {most:,} of {largest:,} elements moves the mean of a feature by {noise:.1%} of its spread among the "
        "elements (one standard deviation), and what depends on rare elements by more: of elements that are one in a "
        f"thousand, a draw holds {most / 1000:g} give or take {(most / 1000) ** 0.5:.1f}."
    )


def data(run: Run, summary: Summary, sizes: np.ndarray) -> Markup:
    """What the model was fitted on."""
    record = run.record
    split = record.split
    pairs = [
        ("sets", number(summary.num_sets)),
        ("elements", f"{number(summary.num_elements)}, all sets together"),
        (
            "training / validation / test sets",
            " / ".join(f"{len(part):,}" for part in (split.train, split.validation, split.test)),
        ),
        ("elements of a set", ", ".join(f"{name}: {number(value)}" for name, value in summary.sizes.items())),
        ("target" if len(record.objective.targets) == 1 else "targets", ", ".join(record.objective.targets)),
        ("covariates", "none" if record.covariates is None else ", ".join(record.covariates.names)),
        ("kept together by", _grouping(record, summary)),
    ]
    problems = [element("li", problem) for problem in summary.problems] or [element("li", "none found")]
    return element(
        "section",
        element("h2", "Data"),
        definitions(pairs),
        reading([*record.processed.describe(), *record.reading], record.skipped),
        element("h3", "Problems"),
        element("ul", joined(problems)),
        figures_of([figures.set_sizes(sizes)]),
        element("h3", "Features of an element"),
        _features(summary),
        left_out(summary.left_out),
    )


def reading(said: Sequence[str], skipped: Mapping[str, str]) -> Markup:
    """What was done to the elements and what people should know, and what was left out, while they were read."""
    parts: list[object] = []
    if said:
        parts += [element("h3", "How the data were read"), element("ul", joined(element("li", line) for line in said))]
    if skipped:
        rows = [[name, reason] for name, reason in skipped.items()]
        caption = f"{counted(len(rows), 'file or set')} left out, of which nothing here says anything."
        parts += [element("h3", "Left out"), table(["file or set", "why"], rows, caption=caption)]
    return joined(parts)


def configuration(record: RunRecord) -> Markup:
    """Model, fit and versions, as `model.json` has them."""
    model = {"name": record.model, **record.spec, "parameters": f"{record.num_parameters:,}"}
    parts = {
        "Model": model | {"task": record.objective.kind},
        "Fit": record.config.model_dump(mode="json"),
        "Versions": record.versions | {"written": record.created},
    }
    columns = [element("div", element("h3", title), definitions(_pairs(values))) for title, values in parts.items()]
    return element(
        "section",
        element("h2", "Configuration"),
        element("div", joined(columns), attributes={"class": "columns"}),
    )


def repeat(command: str, record: RunRecord | None = None) -> Markup:
    """The command that does it all again, and the checksums by which to see that it did."""
    checksums = {} if record is None else {"data": record.fingerprint, "weights (SHA-256)": record.weights_sha256}
    return element(
        "section",
        element("h2", "To repeat this run"),
        element("pre", element("code", command)),
        element(
            "p",
            "With the same data, versions and kind of machine, the same seed gives the same numbers on a CPU.",
            attributes={"class": "quiet"},
        ),
        definitions((f"checksum of the {what}", value) for what, value in checksums.items() if value),
    )


def figures_of(drawings: Sequence[Drawing]) -> Markup:
    """Figures beside each other, as far as there is room."""
    if not drawings:
        return Markup("")
    return element("div", joined(drawing.markup() for drawing in drawings), attributes={"class": "figures"})


def _features(summary: Summary) -> Markup:
    if not summary.features:
        return element("p", f"Elements have shape {summary.shape}.")
    rows = [
        [f.name, number(f.minimum), number(f.maximum), number(f.mean), number(f.std), number(f.missing)]
        for f in summary.features
    ]
    head = ["feature", "lowest", "highest", "mean", "std", "missing"]
    shown = table(head, rows[:_SHOWN_FEATURES], caption=f"{len(rows)} features, over all elements of all sets.")
    if len(rows) <= _SHOWN_FEATURES:
        return shown
    rest = table(head, rows[_SHOWN_FEATURES:], caption="The other features.")
    more = element("summary", f"{len(rows) - _SHOWN_FEATURES} more features")
    return joined([shown, element("details", more, rest)])


def left_out(left_out: Mapping[str, str]) -> Markup:
    if not left_out:
        return Markup("")
    rows = [[name, reason] for name, reason in left_out.items()]
    return table(["column", "why it is no feature"], rows, caption="Columns that were left out.")


def _loss(record: RunRecord) -> str:
    """What the learning curves measure, with its unit."""
    if record.objective.kind == "mixed":
        return "mean over the targets of squared errors (standardised) and cross entropies (nats)"
    if record.objective.kind != "regression":
        return "cross entropy (nats)"
    return "mean squared error" + (" (standardised targets)" if record.config.standardise else "")


def _grouping(record: RunRecord, summary: Summary) -> str:
    if summary.groups is None:
        return "nothing: each set by itself"
    return f"{record.group or 'group'} ({number(summary.groups)} of them); no group is on two sides of the split"


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]


def _pairs(values: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), "none" if value is None else _value(value)) for name, value in values.items()]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
