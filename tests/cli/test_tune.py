"""`setwise tune` as users run it."""

import json

import pytest

pytest.importorskip("optuna", reason="the extra tune is not installed")


def test_tune(setwise, tables, tmp_path):
    command = ("tune", tables.cells, "--sets", tables.patients, "--target", "anemia", "--epochs", "1", "--width", "8")
    more = ("--depth", "2", "--ensemble", "1", "--inner", "2", "--out", tmp_path / "run")
    done = setwise(*command, *more, "--budget", "1s", "--trials", "1")
    assert done.code == 0, done.err
    assert "trial 1: best so far" in done.out
    assert "Chosen: deep-sets++, depth 2, width 8, learning rate 0.001 (1 trial)" in done.out.replace("\n", " ")
    assert (tmp_path / "run" / "report.html").is_file()
    refused = setwise(*command, *more, "--budget", "soon")
    assert refused.code == 2
    assert "30m" in refused.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choices", "tempered", "validated"),
    [
        (("--ensemble", "2"), True, False),
        (("--ensemble", "2", "--no-calibrate"), False, False),
        (("--ensemble", "1", "--calibrate"), True, True),
    ],
)
def test_temperatures_are_a_choice(setwise, tables, tmp_path, choices, tempered, validated):
    command = ("tune", tables.cells, "--sets", tables.patients, "--target", "anemia", "--epochs", "2", "--width", "8")
    more = ("--depth", "2", "--inner", "2", "--budget", "1s", "--trials", "1", "--out", tmp_path / "run")
    done = setwise(*command, *more, *choices)
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (record["objective"]["heads"][0]["temperature"] != 1) == tempered
    assert bool(record["split"]["validation"]) == validated


def test_a_search_stays_where_another_that_would_replace_it_is_refused(setwise, tables, tmp_path):
    command = ("tune", tables.cells, "--sets", tables.patients, "--target", "anemia", "--epochs", "1", "--width", "8")
    more = ("--depth", "2", "--inner", "2", "--budget", "1s", "--trials", "1", "--ensemble", "1")
    assert setwise(*command, *more, "--out", tmp_path / "run").code == 0
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for choices, words in {
        ("--calibrate", "--validation", "0"): "--validation 0.15",
        ("--norm", "no"): "norm must be",
    }.items():
        refused = setwise(*command, *more, *choices, "--out", tmp_path / "run", "--overwrite")
        assert refused.code == 2
        assert words in refused.err
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
