"""`setwise tune` as users run it."""

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
