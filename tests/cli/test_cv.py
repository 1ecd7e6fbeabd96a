"""`setwise cv` as users run it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.cli.conftest import write_tables

TINY = ("--depth", "2", "--width", "8", "--epochs", "1", "--batch-size", "7", "--ensemble", "1")


@dataclass(frozen=True)
class Done:
    """A command that has run, its folder, and what it printed."""

    command: tuple
    folder: Path
    out: str


@pytest.fixture(scope="module")
def done(setwise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cv")
    tables = write_tables(folder)
    command = ("cv", tables.cells, "--sets", tables.patients, "--target", "anemia", "--group", "patient", *TINY)
    command = (*command, "--folds", "2", "--out", folder / "cv")
    outcome = setwise(*command, "--permutations", "1")
    assert outcome.code == 0, outcome.err
    return Done(command, folder / "cv", outcome.out)


def test_what_was_divided_and_found_is_printed(done):
    assert "41 sets of 21 groups, each predicted by models that have not seen it: 2 folds" in " ".join(done.out.split())
    assert "21 independent groups" in done.out
    assert "Would shuffled targets do as well?" in done.out
    assert "Features (2)" in done.out


def test_predictions_and_a_report_are_written(done):
    assert pyarrow.parquet.read_table(done.folder / "predictions.parquet").num_rows == 41
    assert "To repeat" in (done.folder / "report.html").read_text()


def test_a_folder_that_holds_one_is_refused(setwise, done):
    refused = setwise(*done.command)
    assert refused.code == 2
    assert "--resume" in refused.err


def test_one_that_is_done_is_told_again(setwise, done):
    resumed = setwise(*done.command, "--permutations", "1", "--resume", "--json")
    assert resumed.code == 0
    document = json.loads(resumed.out)
    assert document["groups"] == 21
    assert document["rows"][0]["intervals"]["accuracy"]


def test_what_was_read_is_said(setwise, tmp_path):
    """Columns that are no features, on the screen and in the report, as `fit` says it."""
    rows = [f"s{i // 4},{i},{i % 3},{('left', 'right')[i % 2]}" for i in range(48)]
    (tmp_path / "cells.csv").write_text("\n".join(["set_id,a,b,side", *rows]) + "\n")
    (tmp_path / "sets.csv").write_text("\n".join(["set_id,y", *(f"s{i},{i % 5}" for i in range(12))]) + "\n")
    command = ("cv", tmp_path / "cells.csv", "--sets", tmp_path / "sets.csv", "--target", "y", *TINY, "--folds", "2")
    done = setwise(*command, "--no-baselines", "--out", tmp_path / "cv")
    assert done.code == 0, done.err
    assert "- side: it holds text" in done.out
    assert "it holds text" in (tmp_path / "cv" / "report.html").read_text()


def test_help_has_the_options_of_fit(setwise):
    shown = setwise("cv", "--help")
    assert shown.code == 0
    for option in ("--repeats", "--permutations", "--model", "--learning-rate", "--ensemble"):
        assert option in shown.out
    assert "--tensorboard" not in shown.out


def _of_anemia(tables):
    return ("cv", tables.cells, "--sets", tables.patients, "--target", "anemia", *TINY, "--folds", "2")


def test_one_without_temperatures_is_not_gone_on_with_as_one_with_them(setwise, tables, tmp_path):
    command = _of_anemia(tables)
    several = (*command, "--ensemble", "2", "--no-calibrate", "--out", tmp_path / "several")
    assert setwise(*several).code == 0
    refused = setwise(*several, "--calibrate", "--resume")
    assert refused.code == 2
    assert "--overwrite" in refused.err


def test_temperatures_of_one_model_ask_for_validation_sets(setwise, tables, tmp_path):
    command = _of_anemia(tables)
    alone = setwise(*command, "--ensemble", "1", "--calibrate", "--out", tmp_path / "alone")
    assert alone.code == 0, alone.err
    kept = sorted((tmp_path / "alone").rglob("*"))
    none = ("--ensemble", "1", "--validation", "0", "--calibrate")
    refused = setwise(*command, *none, "--out", tmp_path / "alone", "--overwrite")
    assert refused.code == 2
    assert "--validation 0.15" in refused.err
    assert sorted((tmp_path / "alone").rglob("*")) == kept


def test_bad_input(setwise, tables, tmp_path):
    refused = setwise("cv", tables.cells, "--sets", tables.patients, "--target", "nothing", "--out", tmp_path / "cv")
    assert refused.code == 2
    assert "nothing" in refused.err
