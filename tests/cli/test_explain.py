import json

import pyarrow.parquet
import pytest

QUICK = ("--steps", "4", "--orders", "2", "--draws", "2", "--max-sets", "5")


def test_writes_scores_figures_and_a_page(setwise, fitted, tmp_path):
    tables, run = fitted
    outcome = setwise("explain", run, tables.cells, "--out", tmp_path / "why", *QUICK)
    assert outcome.code == 0, outcome.err
    for words in ("5 of 41 sets", "elements pass through the model", "Leave-one-out is", "Another sample"):
        assert words in " ".join(outcome.out.split())
    scores = pyarrow.parquet.read_table(tmp_path / "why" / "scores.parquet")
    names = ["set_id", "element", "row", "answer", "leave_one_out", "integrated_gradients"]
    assert scores.column_names == names
    sets = pyarrow.parquet.read_table(tmp_path / "why" / "sets.parquet")
    assert sum(sets["scored"].to_pylist()) == scores.num_rows
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert f"setwise explain {run}" in page


def test_the_report_of_the_run_takes_it_in(setwise, tables, tmp_path):
    run = tmp_path / "run"
    assert setwise(*tables.fit(run, "--ensemble", "1")).code == 0
    report = run / "report.html"
    assert "Not known yet" in report.read_text(encoding="utf-8")
    for _ in range(2):  # the second takes the place of the first
        arguments = ("--out", tmp_path / "why", "--overwrite", "--max-sets", "3", *QUICK[:6])
        outcome = setwise("explain", run, tables.cells, *arguments)
        assert outcome.code == 0, outcome.err
        assert "Report, with what was found" in outcome.out
        page = report.read_text(encoding="utf-8")
        assert page.count("<h2>Which elements matter</h2>") == 1
        assert "for 3 sets" in page
        assert page.rstrip().endswith("</html>")


def test_one_document_for_machines(setwise, fitted, tmp_path):
    tables, run = fitted
    arguments = ("--only", "p001,p002", "--method", "integrated_gradients", *QUICK)
    outcome = setwise("explain", run, tables.cells, "--out", tmp_path / "why", *arguments, "--json")
    document = json.loads(outcome.out)
    assert document["sets"] == 2
    assert [own["name"] for own in document["methods"]] == ["integrated_gradients"]


def test_a_set_of_one_element(setwise, fitted, tmp_path):
    tables, run = fitted
    outcome = setwise("explain", run, tables.cells, "--out", tmp_path / "why", "--only", "p000", *QUICK, "--json")
    assert outcome.code == 0, outcome.err
    scores = pyarrow.parquet.read_table(tmp_path / "why" / "scores.parquet")
    assert scores["leave_one_out"].to_pylist() == [None]
    assert {own["verdict"] for own in json.loads(outcome.out)["methods"]} == {"not known"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--of", "iron"), "hematocrit"),
        (("--only", "nobody"), "'nobody'"),
        (("--method", "attention"), "does not pool by attention"),
        (("--steps", "3"), "even"),
        (("--scale", "logit"), "log-odds"),
    ],
)
def test_what_does_not_fit_is_refused(setwise, fitted, tmp_path, arguments, words):
    tables, run = fitted
    outcome = setwise("explain", run, tables.cells, "--out", tmp_path / "why", *arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert not (tmp_path / "why").exists()


def test_an_older_explanation_is_kept_unless_overwritten(setwise, fitted, tmp_path):
    tables, run = fitted
    arguments = ("explain", run, tables.cells, "--out", tmp_path / "why", *QUICK, "--only", "p001", "--quiet")
    assert setwise(*arguments).code == 0
    assert setwise(*arguments).code == 2
    assert setwise(*arguments, "--overwrite").code == 0
