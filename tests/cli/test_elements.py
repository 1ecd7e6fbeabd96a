"""Labels of elements from the command line: tables, FCS and AnnData files."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from setwise._checks import InputError
from setwise.cli import writing
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.write import copy_fcs, write_fcs
from setwise.readers.read import read
from setwise.runs import predict_elements
from setwise.store.inspect import summarise

TINY = ("--depth", "2", "--width", "8", "--epochs", "2", "--batch-size", "7", "--ensemble", "1", "--quiet")


def _sets(count=23):
    generator = np.random.default_rng(0)
    return [generator.gamma(2, 300, (7 + i, 2)) for i in range(count)]


def cells_in(folder):
    sets = _sets()
    x = np.concatenate(sets)
    table = pa.table(
        {
            "set_id": np.repeat([f"p{i:02d}" for i in range(len(sets))], [len(s) for s in sets]),
            "x": x[:, 0],
            "y": x[:, 1],
            "type": np.where(x[:, 0] > 500, "big", "small"),
            "odd": np.concatenate([np.arange(len(s)) == s[:, 0].argmax() for s in sets]).astype(int),
        }
    )
    pyarrow.parquet.write_table(table, folder / "cells.parquet")
    return folder / "cells.parquet", table


@pytest.fixture
def cells(tmp_path):
    return cells_in(tmp_path)


@dataclass(frozen=True)
class Fitted:
    """A file of elements, its table, a run that predicts their type, and what the fit printed."""

    path: Path
    table: pa.Table
    run: Path
    out: str


@pytest.fixture(scope="module")
def typed(setwise, tmp_path_factory):
    """Fit the type of elements, a run that tests read and do not change."""
    folder = tmp_path_factory.mktemp("typed")
    path, table = cells_in(folder)
    fit = ("fit", path, "--element-target", "type", "--features", "x,y", *TINY[:-1])
    fitted = setwise(*fit, "--out", folder / "run")
    assert fitted.code == 0, fitted.err
    return Fitted(path, table, folder / "run", fitted.out)


def test_the_report_tells_of_elements(typed):
    page = (typed.run / "report.html").read_text()
    assert "element alone" in page
    assert "Every element with a label counts once" in page
    assert "type, predicted of elements" in page
    assert "Held-out elements by true and predicted class" in page


def test_the_report_says_nothing_that_is_true_of_sets_alone(typed):
    page = (typed.run / "report.html").read_text()
    for false in ("predicted from sets", "sets have no column", "Held-out sets by", "Which elements matter"):
        assert false not in page


def test_a_wide_table_keeps_the_names_of_its_rows_and_columns(typed):
    lines = typed.out.splitlines()
    assert any(line.startswith("balanced accuracy ") for line in lines), "a wide table keeps the names of its rows"
    assert all(word in " ".join(" ".join(lines).split()) for word in ("boosting,", "element", "alone", "in its set"))


def test_predictions_have_a_row_per_element(setwise, typed, tmp_path):
    predicted = setwise("predict", typed.run, typed.path, "--out", tmp_path / "p.parquet")
    assert predicted.code == 0, predicted.err
    found = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    assert found.column_names == ["set_id", "element", "predicted_type", "probability_big", "probability_small"]
    assert found["set_id"].to_pylist() == typed.table["set_id"].to_pylist()


def test_an_evaluation_measures_elements(setwise, typed):
    document = json.loads(setwise("evaluate", typed.run, typed.path, "--json").out)
    assert {"accuracy", "balanced_accuracy", "f1", "auc", "cross_entropy"} <= document["metrics"].keys()
    assert document["sets"] == 23


def test_which_element_is_meant_is_not_learned_from_some_of_a_set(setwise, cells, tmp_path):
    asked = ("fit", cells[0], "--element-target", "odd", "--task", "which-element", "--features", "x,y", *TINY)
    refused = setwise(*asked, "--out", tmp_path / "run", "--max-elements", 5)
    assert refused.code == 2
    assert "--max-elements 0" in " ".join(refused.err.split())


def test_one_element_of_each_set_is_predicted_to_be_meant(setwise, cells, tmp_path):
    path, _ = cells
    asked = ("fit", path, "--element-target", "odd", "--task", "which-element", "--features", "x,y", *TINY)
    assert setwise(*asked, "--out", tmp_path / "run").code == 0
    assert setwise("predict", tmp_path / "run", path, "--out", tmp_path / "p.csv").code == 0
    found = pd.read_csv(tmp_path / "p.csv")
    by_set = found.groupby("set_id")
    assert (np.asarray(by_set["predicted_odd"].sum()) == 1).all()
    assert np.allclose(np.asarray(by_set["probability_odd"].sum()), 1)


def test_inspect_counts_elements_and_sets_of_each_class(setwise, cells):
    path, table = cells
    types = table["type"].to_pylist()
    types[0], types[3], types[10:17] = "rare", None, [None] * 7
    types[7:15] = [None] * 8  # the second set, of 8, has no label at all
    changed = table.set_column(table.column_names.index("type"), "type", pa.array(types))
    pyarrow.parquet.write_table(changed, path)
    shown = setwise("inspect", path, "--element-target", "type", "--element-target", "odd", "--features", "x,y")
    assert shown.code == 0, shown.err
    missing = types.count(None)
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert f"type text 3 {missing} 1 - - -" in lines
    assert f"odd number 2 0 0 0 1 {23 / len(types):.4g}" in lines
    names = table["set_id"].to_pylist()
    for kind in ("big", "small", "rare"):
        held = {name for name, own in zip(names, types, strict=True) if own == kind}
        assert f"{kind} {types.count(kind)} {len(held)}" in lines
    words = " ".join(lines)
    assert f"label 'type' is missing for {missing} of {len(types)} elements" in words
    assert "missing for all elements of 1 of 23 sets" in words
    assert "label 'type': 'rare' in one set only" in words
    document = json.loads(setwise("inspect", path, "--element-target", "type", "--features", "x,y", "--json").out)
    (label,) = document["labels"]
    assert (label["missing"], label["sets"]["rare"]) == (missing, 1)
    assert setwise("inspect", path, "--element-target", "nothing").code == 2


def test_inspect_names_labels_that_teach_nothing():
    store = read([np.ones((3, 2)), np.zeros((4, 2))])
    labels = {"same": ["a"] * 7, "none": [None] * 7, "each": [f"id{i}" for i in range(7)], "y": np.arange(7.0)}
    summary = summarise(store.with_labels(labels))
    told = " ".join(summary.problems)
    assert "label 'same' is the same for all elements" in told
    assert "label 'none' is missing for all elements" in told
    assert "label 'each' has 7 classes for 7 elements" in told
    assert "'y'" not in told
    found = {label.name: label for label in summary.labels}
    assert (found["y"].minimum, found["y"].maximum, found["y"].mean) == (0, 6, 3)


@dataclass(frozen=True)
class CrossValidated:
    """A table of elements, the command that cross-validated their type, its folder, and what it printed."""

    table: pa.Table
    command: tuple
    folder: Path
    out: str


@pytest.fixture(scope="module")
def cross_validated(setwise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cv")
    path, table = cells_in(folder)
    command = ("cv", path, "--element-target", "type", "--features", "x,y", *TINY[:-1], "--folds", "2")
    command = (*command, "--permutations", "1", "--out", folder / "cv")
    done = setwise(*command)
    assert done.code == 0, done.err
    return CrossValidated(table, command, folder / "cv", done.out)


def test_a_cross_validation_says_that_elements_are_predicted(cross_validated):
    words, count = " ".join(cross_validated.out.split()), cross_validated.table.num_rows
    assert f"23 sets, {count} elements; to predict of elements: type" in words
    assert f"{count} elements of 23 sets, each predicted by models that have not seen its set: 2 folds" in words
    assert "Would shuffled labels do as well?" in words


def test_a_cross_validation_predicts_every_element(cross_validated):
    table, found = cross_validated.table, pyarrow.parquet.read_table(cross_validated.folder / "predictions.parquet")
    assert found["set_id"].to_pylist() == table["set_id"].to_pylist()
    assert found["type"].to_pylist() == table["type"].to_pylist()


def test_the_report_of_a_cross_validation_says_what_baselines_see(cross_validated):
    assert "The baselines see the element alone" in (cross_validated.folder / "report.html").read_text()


def test_a_cross_validation_that_is_done_is_told_again(setwise, cross_validated):
    resumed = setwise(*cross_validated.command, "--resume", "--json")
    document = json.loads(resumed.out)
    assert (document["sets"], document["elements"]) == (23, cross_validated.table.num_rows)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("fit", "CELLS", "--out", "RUN"), "got neither"),
        (("fit", "CELLS", "--target", "a", "--element-target", "type", "--out", "RUN"), "got both"),
        (("fit", "CELLS", "--element-target", "none", "--out", "RUN"), "none"),
        (("fit", "CELLS", "--element-target", "set_id", "--out", "RUN"), "names the set of each element"),
        (("fit", "CELLS", "--element-target", "type", "--features", "x,type", "--out", "RUN"), "told the answer"),
        (
            ("fit", "CELLS", "--element-target", "odd", "--task", "which-element", "--coverage", "0.9", "--out", "RUN"),
            "which element is meant is predicted by probabilities that add up to one",
        ),
        (("cv", "CELLS", "--element-target", "none", "--out", "RUN"), "none"),
    ],
)
def test_what_cannot_be_done_is_said(setwise, cells, tmp_path, command, words):
    places = {"CELLS": cells[0], "RUN": tmp_path / "run"}
    outcome = setwise(*(places.get(word, word) for word in command))
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())


@pytest.fixture
def gated(tmp_path):
    """Make FCS files with a gate as a channel."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for number, events in enumerate(_sets()):
        gate = (events[:, 0] > 500).astype(float)
        write_fcs(folder / f"s{number}.fcs", np.c_[events, gate], ["FITC-A", "PE-A", "gate"], labels=["CD3", "CD4", ""])
    return folder


def test_a_channel_that_is_a_label_is_no_feature(gated):
    store = read(gated, labels=["gate"])
    assert store.features == ("CD3", "CD4")
    assert set(store.labels["gate"].to_pylist()) == {0.0, 1.0}


def test_copies_of_fcs_files_have_the_predictions(setwise, gated, tmp_path):
    more = ("--coverage", "0.5", "--validation", "0.4")
    assert setwise("fit", gated, "--element-target", "gate", *TINY, *more, "--out", tmp_path / "run").code == 0
    copied = setwise(
        "predict", tmp_path / "run", gated, "--out", tmp_path / "p.parquet", "--copies", tmp_path / "copies"
    )
    assert copied.code == 0, copied.err
    found = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    assert set(found["classes_gate"].to_pylist()) <= {"0", "1", "0 | 1"}
    again = read(tmp_path / "copies", labels=["predicted_gate", "probability_1"])
    assert np.allclose(again.labels["probability_1"].to_numpy(), found["probability_1"].to_numpy(), atol=1e-6)
    assert (again.labels["predicted_gate"].to_numpy() == found["predicted_gate"].to_numpy().astype(float)).all()
    assert "SETWISE_CLASSES" not in open_fcs(tmp_path / "copies" / "s0.fcs").keywords


@pytest.fixture
def types(typed, tmp_path):
    """Make a folder of FCS files to predict by a run on a table."""
    (tmp_path / "samples").mkdir()
    for number, events in enumerate(_sets()[:3]):
        write_fcs(tmp_path / "samples" / f"s{number}.fcs", events, ["x", "y"])
    return typed.run, tmp_path / "samples"


def test_classes_that_are_text_are_numbers_with_a_legend_in_copies(setwise, types, tmp_path):
    table, copies = tmp_path / "p.parquet", tmp_path / "copies"
    copied = setwise("predict", *types, "--out", table, "--copies", copies)
    assert copied.code == 0, copied.err
    legend = "predicted_type: 1 = big, 2 = small"
    assert f"Numbers in their channels: {legend}" in copied.out
    found = pyarrow.parquet.read_table(table).to_pandas()
    for path in sorted(copies.iterdir()):
        copy = open_fcs(path)
        assert copy.keywords["SETWISE_CLASSES"] == legend
        numbers = next(copy.read())[:, [channel.name for channel in copy.channels].index("predicted_type")]
        names = found.predicted_type[found.set_id == path.name]
        assert numbers.tolist() == [{"big": 1.0, "small": 2.0}[name] for name in names]


def test_nothing_is_left_of_copies_that_fail(setwise, types, tmp_path, monkeypatch):
    written = ("--out", tmp_path / "p.parquet", "--copies", tmp_path / "copies")
    before = set(tmp_path.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr("setwise.readers.fcs.copies.copy_fcs", _copy_but_the_last)
        failed = setwise("predict", *types, *written)
    assert failed.code == 2
    assert "no room" in failed.err
    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_tables", _no_room)
        assert setwise("predict", *types, *written).code == 2
    assert set(tmp_path.rglob("*")) == before
    assert setwise("predict", *types, *written).code == 0


def test_copies_are_not_copied(setwise, types, tmp_path, monkeypatch):
    copies = tmp_path / "copies"
    assert setwise("predict", *types, "--out", tmp_path / "p.parquet", "--copies", copies).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(predict_elements, "element_tables", _no_room)  # which is not reached
        again = setwise("predict", types[0], copies, "--out", tmp_path / "q.parquet", "--copies", tmp_path / "more")
    assert again.code == 2
    assert "it has predicted_type, probability_big, probability_small. Predict from the originals" in " ".join(
        again.err.split()
    )
    assert not (tmp_path / "q.parquet").exists()
    assert not (tmp_path / "more").exists()


def _copy_but_the_last(original, path, *arguments, **named):
    return _no_room() if path.name == "s2.fcs" else copy_fcs(original, path, *arguments, **named)


def _no_room(*_, **__):
    raise InputError("no room")


def test_columns_of_obs(setwise, tmp_path):
    anndata = pytest.importorskip("anndata")
    sets = _sets()
    x = np.concatenate(sets).astype(np.float32)
    kinds = np.where(x[:, 0] > 500, "big", "small").astype(object)
    kinds[::9] = np.nan
    names = [f"p{i:02d}" for i in range(len(sets))]
    samples = pd.Categorical.from_codes(
        np.repeat(np.arange(len(sets)), [len(s) for s in sets]), categories=pd.Index(names, dtype=object)
    )
    obs = pd.DataFrame({"sample": samples}, index=pd.Index([f"cell{i}" for i in range(len(x))], dtype=object))
    obs["kind"] = pd.Categorical(kinds, categories=pd.Index(["big", "small"], dtype=object))
    anndata.AnnData(x, obs=obs, var=pd.DataFrame(index=pd.Index(["g0", "g1"], dtype=object))).write_h5ad(
        tmp_path / "cells.h5ad"
    )
    data = (tmp_path / "cells.h5ad", "--set-id", "sample")
    fitted = setwise("fit", *data, "--element-target", "kind", *TINY, "--out", tmp_path / "run")
    assert fitted.code == 0, fitted.err
    copied = setwise(
        "predict", tmp_path / "run", *data, "--out", tmp_path / "p.parquet", "--copies", tmp_path / "copies"
    )
    assert copied.code == 0, copied.err
    found = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    copy = anndata.read_h5ad(tmp_path / "copies" / "cells.h5ad")
    assert copy.obs["setwise_predicted_kind"].tolist() == found["predicted_kind"].to_pylist()
    assert np.allclose(copy.obs["setwise_probability_big"], found["probability_big"].to_numpy())
