"""Collect what the sections of a run's report show, each from the run and a summary of its data."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from setwise._checks import counted
from setwise.report import figures, outcomes
from setwise.report.drawing import Drawing
from setwise.report.grid import results_grid
from setwise.report.leaderboard import leaderboard
from setwise.report.rounding import duration, number
from setwise.report.seeds import seed_sentences
from setwise.report.table import Table, table
from setwise.report.verdict import verdict
from setwise.report.worst import worst_sets
from setwise.runs.record import RunRecord
from setwise.runs.run import Run
from setwise.store.inspect import Summary
from setwise.store.tables import listed
from setwise.targets.figures import CLUSTER
from setwise.targets.objectives import Objective

_SHOWN_FEATURES = 12
_MOST_TARGETS = 4
_STATUS = {
    "finished": "all epochs done",
    "stopped early": "stopped early, since the validation sets gained nothing more",
    "interrupted": "interrupted; the best weights so far were kept",
}


@dataclass(frozen=True)
class Result:
    """The performance of a model on held-out sets.

    Attributes:
        verdict: the table below in words.
        notes: on the split and the baselines.
        table: the model beside the baselines; none where nothing was measured.
        parts: the models of a stack; none of another model.
        meaning: of the parts, a sentence each.
        figures: of the predictions.
        worst: the sets that are predicted worst, by target.
    """

    verdict: str
    notes: tuple[str, ...]
    table: Table | None
    parts: Table | None
    meaning: list[str]
    figures: list[Drawing]
    worst: list[Table]


@dataclass(frozen=True)
class Learning:
    """The course of a fit: in words, and its curves."""

    text: str
    figures: list[Drawing]


@dataclass(frozen=True)
class Data:
    """The data that a model was fitted on.

    Attributes:
        facts: names of facts and their values.
        notes: on what was done to the elements while they were read.
        skipped: files or sets that could not be read.
        problems: that were found in the data.
        figures: the sizes of the sets.
        shape: of an element.
        features: the first features of an element; none where elements are no vectors.
        more_features: the others.
        left_out: columns that are no features.
    """

    facts: list[tuple[str, str]]
    notes: list[str]
    skipped: Table | None
    problems: tuple[str, ...]
    figures: list[Drawing]
    shape: tuple[int, ...]
    features: Table | None
    more_features: Table | None
    left_out: Table | None


def result(run: Run) -> Result:
    """Return how good the model is on held-out sets, beside the baselines."""
    record = run.record
    predictions = run.test_predictions
    board = leaderboard(record)
    return Result(
        verdict=verdict(record.test, record.objective, test_sets=record.measured_sets, in_folds=bool(record.folds)),
        notes=(*record.notes, *seed_sentences(record)),
        table=_results_table(record) if record.test else None,
        parts=None if board is None else table([_title(name) for name in board.head], board.rows, caption=board.title),
        meaning=[] if board is None else board.sentences,
        figures=[] if predictions is None else outcome_drawings(run.objective, predictions, group=record.group),
        worst=[] if predictions is None else worst_sets(run.objective, predictions),
    )


def _results_table(record: RunRecord) -> Table:
    """Return the model beside its baselines, with the best of each metric set apart."""
    grid = results_grid(record.test, record.objective)
    turned = grid.rows[0][0] != record.model
    return table(
        [name if turned else _title(name) for name in grid.head],
        grid.rows,
        caption=f"The same {record.measured_on} for all.",
        marked=() if turned else (0,),
        best=grid.best,
    )


def outcome_drawings(objective: Objective, predictions: pa.Table, *, group: str | None = None) -> list[Drawing]:
    """Draw the predictions for held-out sets (or elements), a row for each; it has ``size`` and all columns.

    Intervals are drawn over the column of groups, where it is there. Of more rows than a figure can show, as many are
    shown, drawn evenly.
    """
    predictions = with_clusters(predictions, objective, group)
    drawings = []
    for target in objective.targets[:_MOST_TARGETS]:
        described = target.figures(predictions, qualified=objective.qualified, what=objective.of)
        drawings += [drawing for figure in described if (drawing := outcomes.draw(figure)) is not None]
    return drawings


def with_clusters(predictions: pa.Table, objective: Objective, group: str | None) -> pa.Table:
    """Return a table of predictions with a column of what intervals are drawn over, where groups are known."""
    name = group or "group"
    if name not in predictions.column_names or name in objective.names:
        return predictions
    return predictions.append_column(CLUSTER, predictions[name])


def learning(run: Run, sizes: np.ndarray) -> Learning:
    """Return the learning curves and how the fit ended."""
    record = run.record
    text = _of_stack(record) if record.leaderboard else _of_epochs(record)
    return Learning(text + _sub_samples(record, sizes), learning_figures(run))


def learning_figures(run: Run) -> list[Drawing]:
    """Return the learning curves of a run; none of a model without epochs."""
    record = run.record
    if not run.history:
        return []
    loss = record.objective.loss_words(standardised=record.config.standardise)
    validated = any(epoch.validation_loss is not None for epoch in run.history)
    return [figures.learning_curves(run.history, record.best_epoch, loss=loss, validated=validated)]


def _of_epochs(record: RunRecord) -> str:
    """Say how a network was fitted."""
    text = f"{record.epochs} of at most {record.config.epochs * record.config.ensemble} epochs"
    text += f" in {duration(record.seconds)}: {_STATUS[record.status]}. "
    if not record.epochs:
        text = f"Fitted in {duration(record.seconds)}, without epochs"
        many = f", {len(record.members)} times from other first weights and draws; predictions are averaged"
        return text + (many if record.members else "") + "."
    if record.members:
        epochs = listed([str(member.best_epoch) for member in record.members], 20)
        text += f"An ensemble of {len(record.members)} models that differ in their first weights, the order of the "
        text += "training sets and sub-samples"
        text += " and in the training sets that each leaves out" if record.members[0].left_out else ""
        text += "; predictions are averaged. "
        text += f"The weights kept are those of epochs {epochs}"
    else:
        text += f"The weights kept are those of epoch {record.best_epoch}"
    return text + (
        ", the best on the validation sets." if record.split.validation else ", the last (no validation sets)."
    )


def _of_stack(record: RunRecord) -> str:
    """Say how a stack was fitted."""
    models = counted(len([row for row in record.leaderboard if row.weight > 0]), "model")
    text = f"A weighted mean of {models}, in {duration(sum(row.seconds for row in record.leaderboard))}"
    if record.members:
        text += f". Each was fitted {len(record.members)} times"
        text += ", each time without other training sets" if record.members[0].left_out else ""
        text += "; predictions are averaged"
    text += f". {_STATUS['interrupted'].capitalize()}." if record.status == "interrupted" else "."
    return text + (" Curves are those of the network." if record.epochs else "")


def _sub_samples(record: RunRecord, sizes: np.ndarray) -> str:
    """Say how much was drawn of large sets, and how far that moves a prediction."""
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


def data(run: Run, summary: Summary, sizes: np.ndarray) -> Data:
    """Return what the report tells of the data that the model was fitted on."""
    record = run.record
    split = record.split
    facts = [
        ("sets", number(summary.num_sets)),
        ("elements", f"{number(summary.num_elements)}, all sets together"),
        (
            "training / validation / test sets",
            " / ".join(f"{len(part):,}" for part in (split.train, split.validation, split.test)),
        ),
        ("elements of a set", ", ".join(f"{name}: {number(value)}" for name, value in summary.sizes.items())),
        ("target" if len(record.objective.names) == 1 else "targets", ", ".join(record.objective.names)),
        ("covariates", "none" if record.covariates is None else ", ".join(record.covariates.names)),
        ("kept together by", _grouping(record, summary)),
    ]
    features = feature_tables(summary)
    return Data(
        facts=facts,
        notes=[*record.processed.describe(), *record.reading],
        skipped=skipped_table(record.skipped),
        problems=summary.problems,
        figures=[figures.set_sizes(sizes)],
        shape=summary.shape,
        features=features[0] if features else None,
        more_features=features[1] if len(features) > 1 else None,
        left_out=left_out_table(summary.left_out),
    )


def skipped_table(skipped: Mapping[str, str]) -> Table | None:
    """Return the files or sets that could not be read, each with the reason; none where there are none."""
    caption = f"{counted(len(skipped), 'file or set')} left out, of which nothing here says anything."
    return table(["file or set", "why"], list(skipped.items()), caption=caption) if skipped else None


def left_out_table(left_out: Mapping[str, str]) -> Table | None:
    """Return the columns that are no features, each with the reason; none where there are none."""
    head = ["column", "why it is no feature"]
    return table(head, list(left_out.items()), caption="Columns that were left out.") if left_out else None


def configuration(record: RunRecord) -> dict[str, list[tuple[str, str]]]:
    """Return model, fit and versions, as `model.json` has them."""
    model = {"name": record.model, **record.spec, "parameters": f"{record.num_parameters:,}"}
    parts = {
        "Model": model | {"task": record.objective.kind},
        "Fit": record.config.model_dump(mode="json"),
        "Versions": record.versions | {"written": record.created},
    }
    return {title: _pairs(values) for title, values in parts.items()}


def checksums(record: RunRecord) -> list[tuple[str, str]]:
    """Return the checksums by which to see that a repeated run is the same."""
    known = {"fingerprint of the data": record.fingerprint, "checksum of the weights (SHA-256)": record.weights_sha256}
    return [(name, value) for name, value in known.items() if value]


def feature_tables(summary: Summary) -> list[Table]:
    """Return a table of the first features and one of the others, as far as there are any."""
    head = ["feature", "lowest", "highest", "mean", "std", "missing"]
    rows = [
        [f.name, number(f.minimum), number(f.maximum), number(f.mean), number(f.std), number(f.missing)]
        for f in summary.features
    ]
    parts = {
        f"{len(rows)} features, over all elements of all sets.": rows[:_SHOWN_FEATURES],
        "The other features.": rows[_SHOWN_FEATURES:],
    }
    return [table(head, part, caption=caption) for caption, part in parts.items() if part]


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
