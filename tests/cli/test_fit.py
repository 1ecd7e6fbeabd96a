import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv
import pytest

from setwise.runs.run import Run
from tests.cli.conftest import Tables, write_tables


@dataclass(frozen=True)
class Done:
    """Tables, a run on them, and what the fit printed."""

    tables: Tables
    run: Path
    out: str


@pytest.fixture(scope="module")
def done(setwise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    tables = write_tables(folder)
    outcome = setwise(*tables.fit(folder / "run", "--covariates", "age", "--group", "patient"))
    assert outcome.code == 0, outcome.err
    return Done(tables, folder / "run", outcome.out)


def test_features_and_what_is_left_out_are_said(done):
    assert "volume, hemoglobin" in done.out
    assert "- time: its name says time" in done.out
    assert "- plate: a column of the sets, and no feature" in done.out


def test_the_model_is_shown_beside_baselines(done):
    for row in ("deep-sets++", "constant", "ridge", "gradient boosting"):
        assert row in done.out


def test_a_run_and_its_report_are_written(done):
    assert {"model.json", "weights.safetensors", "metrics.jsonl", "report.html"} <= {
        path.name for path in done.run.iterdir()
    }
    assert f"setwise fit {done.tables.cells}" in (done.run / "report.html").read_text()


def test_the_record_has_features_and_groups(done):
    run = Run.load(done.run)
    assert run.record.features == ("volume", "hemoglobin")
    assert run.record.group == "patient"


def test_says_in_plain_words_that_a_baseline_wins(setwise, tables, tmp_path):
    """Hematocrit is noise here, and two epochs leave a network far from the mean."""
    outcome = setwise(*tables.fit(tmp_path / "run", "--learning-rate", "1"))
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "no better than a constant" in said or "A simpler method wins" in said


def test_json_is_one_document_and_nothing_else(setwise, tables, tmp_path):
    outcome = setwise(*tables.fit(tmp_path / "run", "--target", "anemia"), "--json")
    document = json.loads(outcome.out)
    assert document["task"] == "classification"
    assert [row["name"] for row in document["test"]][1:] == ["constant", "logistic regression", "gradient boosting"]
    assert sum(document["sets"].values()) == 41
    assert not outcome.err


def test_quiet_prints_nothing(setwise, tables, tmp_path):
    outcome = setwise(*tables.fit(tmp_path / "run", "--no-baselines"), "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_several_targets_and_named_features(setwise, tables, tmp_path):
    targets = ("--target", "hematocrit", "--target", "iron")
    outcome = setwise(*tables.fit(tmp_path / "run", *targets, "--features", "hemoglobin,time"))
    assert outcome.code == 0, outcome.err
    assert "R2 of iron" in outcome.out
    assert Run.load(tmp_path / "run").record.features == ("hemoglobin", "time")


def test_an_older_run_is_refused_kept_resumed_or_replaced(setwise, tables, tmp_path):
    arguments = tables.fit(tmp_path / "run", "--no-baselines")
    assert setwise(*arguments).code == 0
    before = (tmp_path / "run" / "model.json").read_bytes()
    refused = setwise(*arguments)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert "--resume" in refused.err
    assert (tmp_path / "run" / "model.json").read_bytes() == before
    assert setwise(*arguments, "--overwrite").code == 0
    assert setwise(*arguments, "--resume").code == 0
    assert setwise(*arguments, "--resume", "--overwrite").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_a_model_that_can_be_used(setwise, tables, tmp_path):
    arguments = [*tables.fit(tmp_path / "run", "--no-baselines"), "--epochs", "100000", "--patience", "0"]
    draws = "from setwise.metrics import intervals; intervals._MOST_DRAWS = intervals._FEWEST_DRAWS = 50"  # as here
    code = f"{draws}; from setwise.cli import main; main({arguments!r})"
    metrics = tmp_path / "run" / "metrics.jsonl"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True) as running:
        while running.poll() is None and not (metrics.exists() and metrics.stat().st_size):
            time.sleep(0.05)  # until an epoch is safe on the disk
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert running.returncode == 130, out + err
    assert "Traceback" not in err
    assert "interrupted" in err, out + err
    used = setwise("predict", tmp_path / "run", tables.cells, "--out", tmp_path / "p.csv")
    assert used.code == 0, used.err


def test_other_seeds_are_fitted_to_the_same_split_and_said(setwise, tables, tmp_path):
    arguments = tables.fit(
        tmp_path / "run", "--target", "anemia", "--target", "iron", "--seed-check", "2", "--no-baselines"
    )
    outcome = setwise(*arguments)
    assert outcome.code == 0, outcome.err
    assert "With 2 other seeds" in outcome.out
    run = Run.load(tmp_path / "run")
    check = run.record.seed_check
    assert check is not None
    assert check.seeds == (0, 1, 2)
    assert check.metrics[0] == run.record.test[0].metrics
    assert check.metrics[1] != check.metrics[0]
    table = pyarrow.csv.read_csv(tmp_path / "run" / "held_out.csv")
    spread = table["seed_spread_iron"].to_numpy()
    assert check.most["predicted_iron"] == pytest.approx(spread.max())
    assert spread.min() > 0
    assert table["seed_spread_probability_yes"].to_pylist() == pytest.approx(
        table["seed_spread_probability_no"].to_pylist()
    )
    assert "With 2 other seeds" in (tmp_path / "run" / "report.html").read_text()
