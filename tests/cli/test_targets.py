"""Targets of every kind, classes that count alike, weights and covariates: from tables to every answer."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.cli.conftest import TINY, Tables, patients_table, write_tables

STAGES = ["none", "low", "high"]
MIXED = ("--target", "hematocrit", "--target", "anemia", "--target", "stage", "--task", "stage=ordinal")
MIXED = (*MIXED, "--order", "stage=none,low,high", "--class-weights", "balanced", "--weight-column", "weight")


def mixed_in(folder):
    """Add a number, a class and stages, of which every fifth set lacks one; a number and a text that some sets lack."""
    patients = patients_table()
    count = patients.num_rows
    stage = [STAGES[n % 3] if n % 5 != 1 else None for n in range(count)]
    level = [value if n % 5 != 2 else None for n, value in enumerate(patients["hematocrit"].to_pylist())]
    anemia = [value if n % 5 != 3 else None for n, value in enumerate(patients["anemia"].to_pylist())]
    patients = patients.drop_columns(["hematocrit", "anemia"])
    added = {
        "hematocrit": level,
        "anemia": anemia,
        "stage": stage,
        "weight": [1.0 + n % 2 for n in range(count)],
        "site": [("north", "south", None)[n % 3] for n in range(count)],
        "height": [None if n % 7 == 0 else 160.0 + n for n in range(count)],
    }
    for name, column in added.items():
        patients = patients.append_column(name, pa.array(column))
    return write_tables(folder, patients=patients)


@pytest.fixture
def mixed(tmp_path):
    return mixed_in(tmp_path)


@dataclass(frozen=True)
class Fitted:
    """Tables with mixed targets, a run on them, and what the fit printed."""

    tables: Tables
    run: Path
    out: str


@pytest.fixture(scope="module")
def fitted(setwise, tmp_path_factory):
    """Fit mixed targets with missing labels, which tests read and do not change."""
    folder = tmp_path_factory.mktemp("mixed")
    tables, run = mixed_in(folder), folder / "run"
    done = setwise(*tables.fit(run, *MIXED, "--ensemble", "2", "--calibrate", "--coverage", "0.5", "--test", "0.3"))
    assert done.code == 0, done.err
    return Fitted(tables, run, done.out)


def test_a_fit_of_mixed_targets_averages_losses_alone(fitted):
    assert "mean loss of all targets" in fitted.out
    assert "accuracy of stage" in fitted.out
    assert "\naccuracy  " not in fitted.out, "a mean over targets of different kinds"


def test_a_fit_of_mixed_targets_tells_of_each(fitted):
    said = fitted.out.replace("\n", " ")
    for words in ("hematocrit: ", "anemia: ", "stage: ", "50% intervals of hematocrit", "probabilities of anemia"):
        assert words in said


def test_the_record_has_each_target_with_its_kind(fitted):
    record = json.loads((fitted.run / "model.json").read_text())
    assert [head["kind"] for head in record["objective"]["heads"]] == ["regression", "classification", "ordinal"]
    assert record["objective"]["heads"][2]["classes"] == STAGES
    assert len(record["members"]) == 2


def test_the_report_tells_of_each_target(fitted):
    page = (fitted.run / "report.html").read_text(encoding="utf-8")
    for words in ("hematocrit, anemia and stage, predicted", "mean error in ranks of stage", "(stage)", "(anemia)"):
        assert words in page


def test_predictions_of_mixed_targets_have_columns_of_each(setwise, fitted, tmp_path):
    done = setwise("predict", fitted.run, fitted.tables.cells, "--out", tmp_path / "p.parquet", "--spread")
    assert done.code == 0, done.err
    predicted = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    shares = np.array([predicted[f"probability_stage_{name}"] for name in STAGES])
    np.testing.assert_allclose(shares.sum(0), 1)
    assert {"lower_hematocrit", "classes_anemia", "spread_hematocrit"} < set(predicted.column_names)


def test_mixed_targets_are_measured_each(setwise, fitted):
    measured = setwise("evaluate", fitted.run, fitted.tables.cells, "--sets", fitted.tables.patients, "--json")
    metrics = json.loads(measured.out)["metrics"]
    assert {"loss", "r2_hematocrit", "auc_anemia", "kappa_stage"} < metrics.keys()


@pytest.fixture
def explain(setwise, fitted, tmp_path):
    """Explain the run in few steps."""
    data = (fitted.tables.cells, "--sets", fitted.tables.patients, "--out", tmp_path / "why")
    few = ("--max-sets", "3", "--orders", "2", "--draws", "2", "--method", "leave_one_out")
    return partial(setwise, "explain", fitted.run, *data, *few)


@pytest.mark.parametrize("of", ["hematocrit", "anemia", "stage"])
def test_a_target_that_is_named_is_explained_in_its_unit(explain, of):
    explained = explain("--of", of)
    assert explained.code == 0, explained.err
    assert f"{'units' if of == 'hematocrit' else 'log-odds'} of {of}" in explained.out.replace("\n", " ")


def test_the_first_target_is_explained_where_none_is_named(fitted, explain):
    first = explain()
    assert "Explained is hematocrit; name another with --of (anemia, stage)" in first.out.replace("\n", " ")
    assert "Not known yet" not in (fitted.run / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_mixed_targets_are_cross_validated(setwise, mixed, tmp_path):
    options = (*MIXED, "--ensemble", "1", "--folds", "3", "--json")
    outcome = setwise("cv", mixed.cells, "--sets", mixed.patients, *TINY, *options, "--out", tmp_path / "cv")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["decisive"] == "loss"
    assert [row["name"] for row in document["rows"]][:2] == ["deep-sets++", "constant"]
    assert all("loss" in row["metrics"] for row in document["rows"])


def test_covariates_of_all_kinds_have_a_row_of_their_own(setwise, mixed, tmp_path):
    choices = ("--target", "stage", "--covariates", "age,site,height", "--ensemble", "1")
    patients = pyarrow.csv.read_csv(
        mixed.patients, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    )
    known = patients.filter(patients["stage"].is_valid())
    pyarrow.csv.write_csv(known, mixed.patients)
    cells = pyarrow.csv.read_csv(mixed.cells)
    pyarrow.csv.write_csv(cells.filter(pc.is_in(cells["set_id"], known["set_id"])), mixed.cells)  # pyright: ignore[reportAttributeAccessIssue]
    fitted = setwise(*mixed.fit(tmp_path / "run", *choices, "--json"))
    assert fitted.code == 0, fitted.err
    rows = {row["name"]: row["metrics"] for row in json.loads(fitted.out)["test"]}
    # stages and sites go round together
    assert rows["covariates alone"]["cross_entropy"] < rows["constant"]["cross_entropy"]
    missing = setwise("predict", tmp_path / "run", mixed.cells, "--out", tmp_path / "p.csv")
    assert missing.code == 2
    assert "age" in missing.err
    done = setwise("predict", tmp_path / "run", mixed.cells, "--sets", mixed.patients, "--out", tmp_path / "p.csv")
    assert done.code == 0, done.err


def test_classes_are_drawn_alike(setwise, write, tmp_path):
    """One set in seven is ill, and nothing tells which: drawn alike, half of what is said is ill."""
    cells, patients = write.defaults
    ill = ["yes" if n % 7 == 0 else "no" for n in range(patients.num_rows)]
    tables = write(cells, patients.append_column("ill", pa.array(ill)))
    said = {}
    for name, more in {"as they come": (), "alike": ("--balanced-sampling",)}.items():
        run = tmp_path / name
        learn = ("--epochs", "30", "--learning-rate", "0.003", "--no-baselines", "--validation", "0", "--test", "0")
        assert setwise(*tables.fit(run, "--target", "ill", *more, *learn)).code == 0
        assert setwise("predict", run, tables.cells, "--out", tmp_path / f"{name}.csv").code == 0
        said[name] = np.mean(pyarrow.csv.read_csv(tmp_path / f"{name}.csv")["probability_yes"].to_numpy())
    assert said["as they come"] < 0.3
    assert said["alike"] == pytest.approx(0.5, abs=0.15)
    both = setwise(*tables.fit(tmp_path / "two", "--target", "ill", "--target", "anemia", "--balanced-sampling"))
    assert both.code == 2
    assert "--class-weights balanced" in both.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--order", "stage=none,low"), "high"),
        (("--order", "anemia=no,yes"), "'anemia' is none"),
        (("--order", "stage"), "TARGET=LOW"),
        (("--class-weights", "even"), "'even'"),
        (("--class-weights", "none=1,low=x"), "CLASS=NUMBER"),
        (("--class-weights", "seldom=2"), "seldom"),
        (("--weight-column", "heft"), "'heft'"),
        (("--task", "grade=ordinal"), "grade"),
    ],
)
def test_choices_that_do_not_fit_the_targets(setwise, mixed, tmp_path, more, words):
    target = ("--target", "stage", "--target", "hematocrit", "--task", "stage=ordinal")
    order = () if "--order" in more else ("--order", "stage=none,low,high")
    outcome = setwise(*mixed.fit(tmp_path / "run", *target, *order, *more))
    assert outcome.code == 2
    assert words in outcome.err.replace("\n", " ")
    assert not (tmp_path / "run" / "model.json").exists()


def test_a_number_is_learned_by_its_logarithm(setwise, tmp_path):
    patients = patients_table()
    level = pa.array(10 ** np.linspace(0, 3, patients.num_rows))
    tables = write_tables(tmp_path, patients=patients.append_column("titer", level))
    out = tmp_path / "run"
    shown = setwise(*tables.fit(out, "--target", "titer", "--target-transform", "log10"))
    assert shown.code == 0, shown.err
    assert "mean squared error of log10" in shown.out
    report = (out / "report.html").read_text()
    assert "Ratios of predicted to true titer" in report
    assert "decades" not in report
    refused = setwise(*tables.fit(tmp_path / "no", "--target", "titer", "--target-transform", "titre=log10"))
    assert refused.code == 2
    assert "got 'titre'" in refused.err
    told = setwise("inspect", tables.cells, "--sets", tables.patients, "--target", "titer")
    assert "--target-transform titer=log10" in " ".join(told.out.split())


def test_classes_are_merged_by_the_fit_and_by_what_follows(setwise, tmp_path):
    patients = patients_table()
    spelled = ["ill", "Ill", "sick", "well", "Well"]
    patients = patients.append_column("state", pa.array([spelled[n % 5] for n in range(patients.num_rows)]))
    tables, out = write_tables(tmp_path, patients=patients), tmp_path / "run"
    told = setwise("inspect", tables.cells, "--sets", tables.patients, "--target", "state")
    assert "--merge-classes state" in " ".join(told.out.split())
    merges = ("--target", "state", "--merge-classes", "state:ill=sick")
    shown = setwise(*tables.fit(out, *merges))
    assert shown.code == 0, shown.err
    assert "taken for 'ill'" in shown.out
    assert "taken for" in (out / "report.html").read_text()
    checked = setwise("evaluate", out, tables.cells, "--sets", tables.patients, "--json")
    assert checked.code == 0, checked.err
    assert json.loads((out / "model.json").read_text())["objective"]["heads"][0]["classes"] == ["ill", "well"]
    assert "to become two" in setwise(*tables.fit(tmp_path / "no", *merges, "--merge-classes", "state:a=sick")).err
    assert "COLUMN:NEW=OLD|OLD" in setwise(*tables.fit(tmp_path / "no", "--merge-classes", "state=a|b")).err
