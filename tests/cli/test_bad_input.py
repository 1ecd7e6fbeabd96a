"""The command line answers mistakes of people: what is at fault and what to do, exit code 2, nothing lost."""

import numpy as np
import pyarrow as pa
import pytest


def changed(table: pa.Table, column: str, values: list) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array(values))


def with_text(cells: pa.Table, patients: pa.Table):
    volumes = [str(value) for value in cells["volume"].to_pylist()]
    volumes[16] = "broken"
    return changed(cells, "volume", volumes), patients


def with_number(value: float):
    def change(cells: pa.Table, patients: pa.Table):
        volumes = cells["volume"].to_pylist()
        volumes[16] = value
        return changed(cells, "volume", volumes), patients

    return change


def without_elements(cells: pa.Table, patients: pa.Table):
    return cells.filter(np.asarray(cells["set_id"]) != "p007"), patients


def without_row(cells: pa.Table, patients: pa.Table):
    return cells, patients.filter(np.asarray(patients["set_id"]) != "p007")


def row_twice(cells: pa.Table, patients: pa.Table):
    return cells, pa.concat_tables([patients, patients.slice(7, 1)])


def one_class(cells: pa.Table, patients: pa.Table):
    return cells, changed(patients, "anemia", ["no"] * 41)


def one_set(cells: pa.Table, patients: pa.Table):
    return cells.filter(np.asarray(cells["set_id"]) == "p007"), patients.slice(7, 1)


def missing_target(cells: pa.Table, patients: pa.Table):
    return cells, changed(patients, "hematocrit", [None, *patients["hematocrit"].to_pylist()[1:]])


def split_group(cells: pa.Table, patients: pa.Table):
    parts = ["train"] * 40 + ["test"]
    parts[0] = "test"
    return cells, patients.append_column("split", pa.array(parts))


def target_among_features(cells: pa.Table, patients: pa.Table):
    values = dict(zip(patients["set_id"].to_pylist(), patients["hematocrit"].to_pylist(), strict=True))
    first = {name: row for row, name in reversed(list(enumerate(cells["set_id"].to_pylist())))}
    cells = cells.take(sorted(first.values()))  # one element a set, so that a constant column looks like a feature
    return cells.append_column("hematocrit", pa.array([values[x] for x in cells["set_id"].to_pylist()])), patients


def words_among_numbers(cells: pa.Table, patients: pa.Table):
    iron = [str(value) for value in patients["iron"].to_pylist()]
    iron[7] = "not measured"
    return cells, changed(patients, "iron", iron)


def as_is(cells: pa.Table, patients: pa.Table):
    return cells, patients


CASES = [
    pytest.param(with_text, (), ("volume", "broken", "17"), id="text in a feature column"),
    pytest.param(with_number(float("nan")), (), ("volume", "p0"), id="NaN"),
    pytest.param(with_number(float("inf")), (), ("volume", "p0"), id="infinity"),
    pytest.param(without_elements, (), ("p007", "no", "element"), id="a set without elements"),
    pytest.param(without_row, (), ("p007", "patients.csv"), id="a set without a row"),
    pytest.param(row_twice, (), ("p007", "rows 8 and 42"), id="a set with two rows"),
    pytest.param(one_class, ("--target", "anemia"), ("anemia", "no"), id="a single class"),
    pytest.param(as_is, ("--target", "same"), ("same", "7"), id="a constant target"),
    pytest.param(one_set, (), ("two sets",), id="one set only"),
    pytest.param(missing_target, (), ("hematocrit", "p000"), id="a missing target"),
    pytest.param(split_group, ("--group", "patient"), ("q0",), id="a group on two sides"),
    pytest.param(as_is, ("--target", "hemtocrit"), ("hemtocrit", "hematocrit"), id="no such target"),
    pytest.param(as_is, ("--features", "volume,nothing"), ("nothing", "hemoglobin"), id="no such feature"),
    pytest.param(as_is, ("--set-id", "cell"), ("cell", "set_id"), id="no such column of names"),
    pytest.param(as_is, ("--covariates", "sex"), ("sex", "age"), id="no such covariate"),
    pytest.param(as_is, ("--group", "hospital"), ("hospital",), id="no such group"),
    pytest.param(as_is, ("--group", "group"), ("group", "patient"), id="no such group, of the usual name"),
    pytest.param(as_is, ("--model", "deep-sats"), ("deep-sats", "deep-sets++"), id="no such model"),
    pytest.param(as_is, ("--norm", "batch"), ("batch", "feature"), id="no such norm"),
    pytest.param(as_is, ("--heads", "4"), ("heads",), id="a choice that the model does not have"),
    pytest.param(as_is, ("--task", "ranking"), ("ranking", "regression"), id="no such task"),
    pytest.param(as_is, ("--epochs", "0"), ("epochs",), id="no epochs"),
    pytest.param(target_among_features, (), ("hematocrit", "feature", "answer"), id="the target among the features"),
    pytest.param(as_is, ("--target", "iron", "--target", "iron"), ("iron", "twice"), id="a target that is named twice"),
    pytest.param(
        words_among_numbers, ("--target", "iron"), ("iron", "p007", "not measured", "41"), id="text in a target"
    ),
    pytest.param(as_is, ("--target", "set_id"), ("set_id", "41 different"), id="names as a target"),
    pytest.param(as_is, ("--covariates", "age,age"), ("age", "twice"), id="a covariate that is named twice"),
    pytest.param(as_is, ("--device", "cuda:77"), ("cuda:77", "cpu"), id="a device that is not there"),
    pytest.param(as_is, ("--features", '"volume,x"'), ("'volume,x'",), id="a name with a comma"),
    pytest.param(as_is, ("--pool", "sum", "--max-elements", "5"), ("sum", "max_elements"), id="sum of sub-samples"),
    pytest.param(as_is, ("--test", "0.9", "--validation", "0.2"), ("0.9", "0.2"), id="shares above one"),
]


@pytest.mark.parametrize(("change", "arguments", "words"), CASES)
def test_fit_names_what_is_at_fault(setwise, write, tmp_path, change, arguments, words):
    tables = write(*change(*write.defaults))
    outcome = setwise(*tables.fit(tmp_path / "run", *arguments))
    assert outcome.code == 2
    assert outcome.err.startswith("Error: ")
    for word in words:
        assert word in outcome.err
    assert not (tmp_path / "run" / "model.json").exists()


@pytest.mark.parametrize("command", ["fit", "inspect"])
def test_files_that_cannot_be_read(setwise, tables, tmp_path, command):
    def run(source):
        more = () if command == "inspect" else ("--target", "hematocrit", "--out", tmp_path / "run")
        return setwise(command, source, "--sets", tables.patients, *more)

    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "cells.docx").write_text("set_id")
    for name in ("missing.csv", "torn.parquet", "empty.csv", "cells.docx"):
        outcome = run(tmp_path / name)
        assert outcome.code == 2
        assert name in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_directory_that_is_not_a_run_is_left_alone(setwise, tables, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for more in ((), ("--overwrite",)):
        outcome = setwise(*tables.fit(tmp_path / "mine", *more))
        assert outcome.code == 2
        assert "thesis.txt" in outcome.err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_place_that_cannot_be_written_is_found_before_fitting(setwise, tables, tmp_path):
    (tmp_path / "file").write_text("a file, and no directory")
    outcome = setwise(*tables.fit(tmp_path / "file" / "run"))
    assert outcome.code == 2
    assert "file" in outcome.err


def test_inspect_tells_of_many_rows_to_a_set_once(setwise, tables):
    outcome = setwise("inspect", tables.cells, "--sets", tables.cells)
    assert outcome.code == 0
    assert " ".join(outcome.out.split()).count("every set must have one row") == 1
    assert "39 more sets" in outcome.out.replace("\n", " ")


def test_inspect_tells_of_a_target_among_the_features(setwise, write):
    tables = write(*target_among_features(*write.defaults))
    outcome = setwise("inspect", tables.cells, "--sets", tables.patients, "--target", "hematocrit")
    assert "told the answer" in outcome.out.replace("\n", " ")


def test_tables_that_name_the_sets_differently_are_shown_side_by_side(setwise, write, tmp_path):
    cells, patients = write.defaults
    upper = [name.upper() for name in patients["set_id"].to_pylist()]
    outcome = setwise(*write(cells, changed(patients, "set_id", upper)).fit(tmp_path / "run"))
    assert outcome.code == 2
    assert "p000" in outcome.err
    assert "The table names 'P000'" in outcome.err


@pytest.mark.parametrize("which", ["cells", "patients"])
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_what_is_read_is_not_replaced(setwise, fitted, write, command, which):
    tables = write(*write.defaults)
    out = getattr(tables, which)
    before = out.read_bytes()
    _, run = fitted
    outcome = setwise(command, run, tables.cells, "--sets", tables.patients, "--out", out, "--overwrite")
    assert outcome.code == 2
    assert out.name in outcome.err
    assert out.read_bytes() == before


@pytest.mark.parametrize("device", ["tpu", "cuda:77"])
def test_a_device_that_is_not_there(setwise, fitted, tmp_path, device):
    tables, run = fitted
    outcome = setwise("predict", run, tables.cells, "--out", tmp_path / "p.csv", "--device", device)
    assert outcome.code == 2
    assert device in outcome.err


def test_a_table_with_a_head_alone(setwise, fitted, tmp_path):
    (tmp_path / "head.csv").write_text("set_id,volume,hemoglobin\n")
    outcome = setwise("predict", fitted[1], tmp_path / "head.csv", "--out", tmp_path / "p.csv")
    assert outcome.code == 2
    assert "is empty" in outcome.err
