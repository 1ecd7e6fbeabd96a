"""Figures are drawn whatever the data: one set, one size, nothing that varies, many classes."""

import re

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from setwise.report import figures, outcomes, ranking_figures
from setwise.report.drawing import legend_columns, shortened
from setwise.runs.history import EpochRecord
from setwise.targets.figures import few_groups

RNG = np.random.default_rng(0)


def record(epoch: int, validation: float | None = None) -> EpochRecord:
    loss = 100.0 / epoch**2
    return EpochRecord(
        epoch=epoch, train_loss=loss, gradient_norm=1.0, learning_rate=0.1, seconds=1.0, validation_loss=validation
    )


@pytest.mark.parametrize("sizes", [[7], [3, 3, 3], [1, 1_000_000], list(range(1, 90))])
def test_sizes_of_any_spread(sizes):
    drawing = figures.set_sizes(np.array(sizes))
    assert f"{len(sizes)} sets" in drawing.description
    assert drawing.data_uri().startswith("data:image/svg+xml")


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_learning_curves_of_any_length(epochs):
    history = [record(epoch, 2.0 / epoch) for epoch in range(1, epochs + 1)]
    drawing = figures.learning_curves(history, epochs, loss="mean squared error", validated=True)
    assert f"in epoch {epochs}" in drawing.description
    assert drawing.data_uri()
    history = [record(epoch) for epoch in range(1, epochs + 1)]
    assert "validation" not in figures.learning_curves(history, epochs, loss="x", validated=False).description


@pytest.mark.parametrize("num_sets", [1, 2, 211, 2503])
@pytest.mark.parametrize("varies", [True, False])
def test_predictions_of_any_number(num_sets, varies):
    truth = RNG.normal(size=num_sets) if varies else np.ones(num_sets)
    predicted = truth + RNG.normal(size=num_sets) if varies else truth
    sizes = RNG.integers(1, 1000, num_sets)
    for drawing in (
        outcomes.predicted_against_true("a $name$ that is much longer than it should be", truth, predicted),
        outcomes.residuals_against_size("y", sizes if varies else np.full(num_sets, 5), truth, predicted),
    ):
        assert f"{num_sets} held-out sets" in drawing.description
        assert drawing.data_uri()


def test_few_groups_are_told_by_colours():
    table = pa.table({"set_id": list("abcd"), "cluster": ["x", "y", "x", "z"]})
    assert few_groups(table) == ("x", "y", "x", "z")
    assert few_groups(table.drop_columns(["cluster"])) == few_groups(table.take([0, 2])) == ()
    values = np.arange(4.0)
    drawing = outcomes.predicted_against_true("y", values, values, names=list("abcd"), groups=few_groups(table))
    assert "coloured by group" in drawing.caption
    assert str(drawing.inline()).count("<title>") == 4


@pytest.mark.parametrize("num_classes", [2, 3, 9, 40])
def test_any_number_of_classes(num_classes):
    classes = [f"class <{k}>" for k in range(num_classes)]
    truth = RNG.integers(0, num_classes, 97)
    probabilities = RNG.dirichlet(np.ones(num_classes), 97)
    assert f"of {num_classes} classes" in outcomes.confusion(classes, truth, probabilities.argmax(1)).description
    curve = outcomes.roc(classes, truth, probabilities)
    assert curve is not None
    assert curve.data_uri()
    assert outcomes.true_probability_against_size(
        RNG.integers(1, 9, 97), probabilities[np.arange(97), truth]
    ).data_uri()


def test_calibration_of_elements_has_no_intervals_as_if_they_were_independent():
    shares, truth = RNG.dirichlet(np.ones(3), 97), RNG.integers(0, 3, 97)
    of_sets, of_elements = (outcomes.calibration(shares, truth, what=what) for what in ("sets", "elements"))
    assert "with exact 95% intervals" in of_sets.caption
    assert "interval" not in of_elements.caption + of_elements.description
    assert "Elements in 10 groups" in of_elements.caption


def test_curves_are_those_of_scikit_learn():
    positive, scores = RNG.random(97) < 0.4, np.round(RNG.random(97), 1)
    wrong, right, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert [list(found) for found in ranking_figures.roc_points(positive, scores)] == [list(wrong), list(right)]
    precision, recall, _ = precision_recall_curve(positive, scores)
    found = ranking_figures.recall_points(positive, scores)
    assert list(found[0][1:]) == list(recall[:-1][::-1])
    assert list(found[1][1:]) == list(precision[:-1][::-1])


def test_curves_have_intervals_over_sets_but_none_over_few_groups():
    shares, truth = RNG.dirichlet(np.ones(2), 97), RNG.integers(0, 2, 97)
    for draw, words in ((outcomes.roc, "AUC"), (outcomes.precision_recall, "average precision")):
        over_sets, over_groups, alone = (
            draw(["a", "b"], truth, shares, clusters=clusters) for clusters in (np.arange(97), np.arange(97) % 3, None)
        )
        assert over_sets is not None
        assert over_groups is not None
        assert alone is not None
        assert re.search(rf"b: {words} 0\.\d+ \(0\.\d+ to 0\.\d+\)", over_sets.description)
        assert " to " not in over_groups.description
        assert " to " not in alone.description


def test_one_class_held_out_has_no_roc():
    assert outcomes.roc(["a", "b"], np.zeros(5, int), np.full((5, 2), 0.5)) is None


def test_legends_below_figures_have_room_for_long_names():
    for length in (3, 12, 24, 60):
        labels = ["m" * length] * 5
        figure = Figure(figsize=(5.6, 3.9), layout="constrained")
        ax = figure.add_subplot()
        for label in labels:
            ax.plot([0, 1], label=shortened(label).replace("m", "e"))
        legend = figure.legend(loc="outside lower center", ncols=legend_columns(map(shortened, labels)))
        figure.draw_without_rendering()
        box = legend.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert legend_columns(["ab"]) == 3
