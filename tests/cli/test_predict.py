import errno
import json
import os
import re
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest


def test_writes_parquet_or_csv_by_suffix(setwise, fitted, tmp_path):
    tables, run = fitted
    outcome = setwise("predict", run, tables.cells, "--out", tmp_path / "p.parquet")
    assert outcome.code == 0, outcome.err
    assert "41 sets" in outcome.out
    found = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    assert found.column_names == ["set_id", "predicted_hematocrit"]
    document = json.loads(setwise("predict", run, tables.cells, "--out", tmp_path / "p.csv", "--json").out)
    assert document["sets"] == 41
    as_csv = pyarrow.csv.read_csv(tmp_path / "p.csv")
    assert as_csv["predicted_hematocrit"].to_pylist() == pytest.approx(found["predicted_hematocrit"].to_pylist())


def test_columns_in_another_order_give_the_same_predictions(setwise, fitted, tmp_path):
    tables, run = fitted
    cells = pyarrow.csv.read_csv(tables.cells)
    turned = cells.select(["hemoglobin", "plate", "set_id", "volume"])
    pyarrow.parquet.write_table(turned, tmp_path / "turned.parquet")
    for source, out in ((tables.cells, "a.parquet"), (tmp_path / "turned.parquet", "b.parquet")):
        assert setwise("predict", run, source, "--out", tmp_path / out).code == 0
    first, second = (pyarrow.parquet.read_table(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert first.equals(second)


def test_a_missing_feature_is_named_and_not_guessed(setwise, fitted, tmp_path):
    tables, run = fitted
    cells = pyarrow.csv.read_csv(tables.cells)
    renamed = cells.rename_columns(["set_id", "Volume", "hemoglobin", "time", "plate"])
    pyarrow.csv.write_csv(renamed, tmp_path / "renamed.csv")
    outcome = setwise("predict", run, tmp_path / "renamed.csv", "--out", tmp_path / "p.csv")
    assert outcome.code == 2
    assert "volume" in outcome.err
    assert not (tmp_path / "p.csv").exists()


def test_an_older_file_is_kept_unless_overwritten(setwise, fitted, tmp_path):
    tables, run = fitted
    out = tmp_path / "p.csv"
    out.write_text("mine")
    outcome = setwise("predict", run, tables.cells, "--out", out)
    assert outcome.code == 2
    assert "--overwrite" in outcome.err
    assert out.read_text() == "mine"
    assert setwise("predict", run, tables.cells, "--out", out, "--overwrite").code == 0
    assert out.read_text().startswith('"set_id"')


@pytest.mark.parametrize("name", ["p.xlsx", "nowhere/p.csv", "."])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(setwise, fitted, tmp_path, name):
    tables, _ = fitted
    (tmp_path / "no run").mkdir()
    outcome = setwise("predict", tmp_path / "no run", tables.cells, "--out", tmp_path / name)
    assert outcome.code == 2
    assert "no run" not in outcome.err


def test_a_full_disk_loses_nothing(setwise, fitted, tmp_path, monkeypatch):
    tables, run = fitted
    out = tmp_path / "p.csv"
    out.write_text("mine")

    def full(handle: int) -> None:  # noqa: ARG001 - the system's signature
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = setwise("predict", run, tables.cells, "--out", out, "--overwrite")
    assert outcome.code == 2
    assert "No space left" in outcome.err
    assert out.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_a_damaged_or_newer_run_is_refused_by_name(setwise, fitted, tmp_path):
    tables, run = fitted
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("model.json", "weights.safetensors", "metrics.jsonl"):
        (copy / name).write_bytes((run / name).read_bytes())
    good = (copy / "model.json").read_text()
    (copy / "model.json").write_text(re.sub(r'"format": \d+', '"format": 99', good))
    newer = setwise("predict", copy, tables.cells, "--out", tmp_path / "p.csv")
    assert newer.code == 2
    assert "newer version" in newer.err
    (copy / "model.json").write_text(good[: len(good) // 2])
    assert setwise("predict", copy, tables.cells, "--out", tmp_path / "p.csv").code == 2
    (copy / "model.json").write_text(good)
    (copy / "weights.safetensors").write_bytes(b"nothing")
    damaged = setwise("predict", copy, tables.cells, "--out", tmp_path / "p.csv")
    assert damaged.code == 2
    assert "weights.safetensors" in damaged.err


def test_an_ensemble_is_told_of_and_its_spread_predicted(setwise, tables, tmp_path):
    run, out = tmp_path / "run", tmp_path / "predictions.csv"
    fitted = setwise(*tables.fit(run, "--ensemble", "2"))
    assert fitted.code == 0, fitted.err
    assert "kept of 2 members: epochs" in fitted.out
    assert "of 2 models that differ" in (run / "report.html").read_text()
    assert setwise("predict", run, tables.cells, "--out", out, "--spread").code == 0
    assert out.read_text().startswith('"set_id","predicted_hematocrit","spread_hematocrit"')


def test_one_model_has_no_spread(setwise, tables, tmp_path):
    alone, out = tmp_path / "alone", tmp_path / "predictions.csv"
    assert setwise(*tables.fit(alone, "--quiet", "--ensemble", "1")).code == 0
    refused = setwise("predict", alone, tables.cells, "--out", out, "--overwrite", "--spread")
    assert refused.code == 2
    assert "--ensemble 5" in refused.err


@pytest.fixture
def source(fitted, tmp_path):
    """Write the elements as an AnnData file."""
    anndata = pytest.importorskip("anndata")
    pd = pytest.importorskip("pandas")
    tables, _ = fitted
    cells = pyarrow.csv.read_csv(tables.cells).to_pandas()
    obs = pd.DataFrame({"sample": pd.Categorical(cells["set_id"].astype(object))})
    obs["sample"] = obs["sample"].cat.rename_categories(obs["sample"].cat.categories.astype(object))
    obs.index = obs.index.astype(str).astype(object)
    var = pd.DataFrame(index=pd.Index(["volume", "hemoglobin"], dtype=object))
    path = tmp_path / "cells.h5ad"
    anndata.AnnData(cells[["volume", "hemoglobin"]].to_numpy("float32"), obs=obs, var=var).write_h5ad(path)
    return path


def test_predictions_in_a_copy_of_an_anndata_file(setwise, fitted, source, tmp_path):
    anndata = pytest.importorskip("anndata")
    tables, run = fitted
    outcome = setwise("predict", run, source, "--set-id", "sample", "--out", tmp_path / "predicted.h5ad")
    assert outcome.code == 0, outcome.err
    assert setwise("predict", run, tables.cells, "--out", tmp_path / "p.parquet").code == 0
    want = pyarrow.parquet.read_table(tmp_path / "p.parquet").to_pandas().set_index("set_id")
    found = anndata.read_h5ad(tmp_path / "predicted.h5ad")
    got = found.uns["setwise_predictions"]
    assert found.X.shape == (pyarrow.csv.read_csv(tables.cells).num_rows, 2)
    assert got["predicted_hematocrit"][want.index].tolist() == pytest.approx(want["predicted_hematocrit"].tolist())


def test_an_anndata_file_is_not_replaced_by_its_copy(setwise, fitted, source):
    before = source.read_bytes()
    refused = setwise("predict", fitted[1], source, "--set-id", "sample", "--out", source, "--overwrite")
    assert refused.code == 2
    assert source.read_bytes() == before


def test_only_an_anndata_file_has_a_copy_with_predictions(setwise, fitted, tmp_path):
    tables, run = fitted
    for other in (tables.cells, tmp_path / "nothing.csv"):
        assert setwise("predict", run, other, "--out", tmp_path / "x.h5ad").code == 2
    assert not (tmp_path / "x.h5ad").exists()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that nobody may write to")
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_predicted(setwise, fitted, monkeypatch):
    tables, run = fitted
    monkeypatch.setattr("setwise.readers.read", lambda *_, **__: pytest.fail("sets were read"))
    outcome = setwise("predict", run, tables.cells, "--out", "/proc/p.parquet")
    assert outcome.code == 2
    assert "/proc could not be written" in outcome.err.replace("\n", " ")


def test_sets_in_other_units_are_told_and_have_their_distance(setwise, fitted, tmp_path):
    tables, run = fitted
    cells = pyarrow.csv.read_csv(tables.cells)
    volume = pyarrow.array(1000.0 * cells["volume"].to_numpy())
    pyarrow.csv.write_csv(cells.set_column(1, "volume", volume), tmp_path / "other.csv")
    arguments = ("predict", run, tmp_path / "other.csv", "--out", tmp_path / "p.csv", "--distance")
    outcome = setwise(*arguments)
    assert outcome.code == 0
    assert "41 of 41 sets lie outside of what the run was trained on" in outcome.err
    assert "volume" in outcome.err
    found = pyarrow.csv.read_csv(tmp_path / "p.csv")
    assert found.column_names[-2:] == ["distance", "outside"]
    assert all(found["outside"].to_pylist())
    assert len(json.loads(setwise(*arguments, "--overwrite", "--json").out)["outside"]) == 41
    assert not setwise("predict", run, tables.cells, "--out", tmp_path / "q.csv").err
