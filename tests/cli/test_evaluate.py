import json

import pyarrow.csv
import pytest


def test_measures_on_labelled_sets_beside_what_fit_found(setwise, fitted, new_tables, tmp_path):
    run, new = fitted[1], new_tables
    outcome = setwise("evaluate", run, new.cells, "--sets", new.patients, "--out", tmp_path / "checked.csv")
    assert outcome.code == 0, outcome.err
    assert "On these 23 sets" in outcome.out
    assert "gradient boosting" in outcome.out
    checked = pyarrow.csv.read_csv(tmp_path / "checked.csv")
    assert checked.num_rows == 23
    document = json.loads(setwise("evaluate", run, new.cells, "--sets", new.patients, "--json").out)
    errors = checked["predicted_hematocrit"].to_numpy() - checked["hematocrit"].to_numpy()
    assert document["metrics"]["mse"] == pytest.approx((errors**2).mean())


def test_warns_where_the_sets_were_trained_on(setwise, fitted):
    tables, run = fitted
    outcome = setwise("evaluate", run, tables.cells, "--sets", tables.patients)
    assert "better than it is" in outcome.err


def test_a_missing_target_is_named(setwise, fitted, tmp_path):
    tables, run = fitted
    patients = pyarrow.csv.read_csv(tables.patients)
    pyarrow.csv.write_csv(patients.drop_columns(["hematocrit"]), tmp_path / "patients.csv")
    outcome = setwise("evaluate", run, tables.cells, "--sets", tmp_path / "patients.csv")
    assert outcome.code == 2
    assert "hematocrit" in outcome.err
