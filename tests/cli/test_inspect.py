import json

import numpy as np
import pytest

from setwise.readers.fcs.write import write_fcs


def test_says_what_would_be_read(setwise, tables):
    columns = ("--target", "hematocrit", "--group", "patient")
    outcome = setwise("inspect", tables.cells, "--sets", tables.patients, *columns)
    assert outcome.code == 0, outcome.err
    for words in ("41 sets", "volume", "time: its name", "groups: 21", "hematocrit"):
        assert words in outcome.out


def test_problems_are_told_and_not_raised(setwise, tables):
    rows = tables.cells.read_text().splitlines()
    rows[5] = rows[5].replace(rows[5].split(",")[1], "NaN")
    tables.cells.write_text("\n".join(rows))
    outcome = setwise("inspect", tables.cells, "--sets", tables.patients, "--target", "same")
    assert outcome.code == 0
    assert "no finite value" in outcome.out
    assert "nothing to learn" in outcome.out


def test_text_among_numbers_is_a_problem_with_its_column(setwise, tables):
    rows = tables.cells.read_text().splitlines()
    rows[5] = rows[5].replace(rows[5].split(",")[1], "oops")
    tables.cells.write_text("\n".join(rows))
    problems = setwise("inspect", tables.cells).out.split("Problems")[1]
    assert "column 'volume' holds text among numbers" in " ".join(problems.split())


def test_json_is_the_whole_summary(setwise, tables):
    document = json.loads(setwise("inspect", tables.cells, "--json").out)
    assert document["num_sets"] == 41
    assert [feature["name"] for feature in document["features"]] == ["volume", "hemoglobin"]


def test_names_are_no_markup(setwise, tmp_path):
    (tmp_path / "cells.csv").write_text("set_id,[red]x[/red]\na,1.5\na,0.25\nb,3.5\nb,2\n")
    assert "[red]x[/red]" in setwise("inspect", tmp_path / "cells.csv").out


def test_says_what_a_fit_would_do_or_why_it_would_refuse(setwise, tables):
    data = ("inspect", tables.cells, "--sets", tables.patients)
    said = " ".join(setwise(*data, "--target", "anemia", "--group", "patient").out.split())
    assert "anemia: classification, 2 classes: 'no', 'yes'" in said
    assert "It would fit auto to all 41 sets" in said
    assert "Sets of one patient stay together: 21 of them" in said
    assert "would refuse: target 'same'" in " ".join(setwise(*data, "--target", "same").out.split())
    document = json.loads(setwise(*data, "--target", "hematocrit", "--json").out)
    assert document["plan"][0].startswith("hematocrit: regression")


@pytest.mark.usefixtures("drawn_here")
def test_a_page_shows_features_batches_and_pairs(setwise, tables, tmp_path):
    page = tmp_path / "page.html"
    arguments = ("inspect", tables.cells, "--sets", tables.patients, "--target", "anemia", "--report", page)
    outcome = setwise(*arguments, "--biaxial", "volume,hemoglobin")
    assert outcome.code == 0, outcome.err
    text = page.read_text()
    for words in ("What a fit would do", "coloured by anemia", "p007: no", "Small panels of 2 features over 41 sets"):
        assert words in text
    assert "hemoglobin against volume" in text
    assert "<script" not in text
    refused = setwise(*arguments)
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    for more, words in ((("--biaxial", "volume"), "written A,B"), (("--biaxial", "volume,CD3"), "'CD3' is no feature")):
        refused = setwise(*arguments, "--overwrite", *more)
        assert refused.code == 2
        assert words in refused.err


def test_sets_and_elements_are_called_as_users_call_them(setwise, tables, tmp_path):
    arguments = ("inspect", tables.cells, "--call", "samples,cells", "--report", tmp_path / "page.html")
    outcome = setwise(*arguments)
    assert outcome.code == 0, outcome.err
    assert "41 samples, " in outcome.out
    assert " sets" not in outcome.out
    assert "<h2>Samples</h2>" in (tmp_path / "page.html").read_text()
    assert "<h2>Features of a cell</h2>" in (tmp_path / "page.html").read_text()
    assert setwise("inspect", tables.cells, "--call", "samples").code == 2


def test_formats_bring_their_words(setwise, tmp_path):
    write_fcs(tmp_path / "a.fcs", np.arange(12.0).reshape(4, 3) ** 2, ["x", "y", "z"])
    assert "1 samples, 4 cells" in setwise("inspect", tmp_path / "a.fcs").out
    assert "1 sets, 4 elements" in setwise("inspect", tmp_path / "a.fcs", "--call", "sets,elements").out
