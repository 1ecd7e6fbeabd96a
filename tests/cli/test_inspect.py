import json


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
