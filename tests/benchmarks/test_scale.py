"""The benchmarks of depth, huge sets and stores measure what they say, here in small."""

import csv
import json

import numpy as np
import pytest
import torch

from benchmarks import depth, huge, start, store
from benchmarks.measure import peak_allocated, resident_bytes
from benchmarks.rows import append
from setwise.store.store import SetStore


def printed(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_allocated_bytes_by_hand():
    x = torch.zeros(1000, 1000)
    twice = peak_allocated(lambda: (x + 1).exp())
    assert 8e6 <= twice < 8.1e6  # the sum and its exponential
    assert 4e6 <= peak_allocated(lambda: (x + 1).exp_()) < 4.1e6


def test_resident_memory_grows_by_what_is_written():
    before = resident_bytes("RssAnon")
    kept = np.ones(50_000_000, np.uint8)
    assert 45e6 < resident_bytes("RssAnon") - before < 70e6, len(kept)


@pytest.mark.slow
def test_a_deep_model_takes_less_in_low_memory(capsys):
    found = {}
    for memory in ("normal", "low"):
        depth.depth_step(20, memory, 512)
        found[memory] = printed(capsys)["peak_bytes"]
    assert found["low"] < 0.7 * found["normal"]


def test_gradients_of_first_and_last_of_1000_layers_are_alike(capsys):
    depth.depth_fit(1000, 40, 0)
    found = printed(capsys)
    ratio = float(found["gradient_first"]) / float(found["gradient_last"])
    assert 0.01 < ratio < 100
    assert "losses" not in found


def test_depths_are_drawn(tmp_path):
    measured = {"peak_bytes": "1e6", "seconds": "1", "gradient_first": "1", "gradient_last": "2", "losses": "1.0 0.5"}
    rows = [measured | {"depth": str(d), "memory": m} for d in (2, 1000) for m in ("normal", "low")]
    append(rows, tmp_path / "rows.csv", depth._COLUMNS)
    depth.draw(tmp_path / "figure.svg", tmp_path / "rows.csv")
    assert "1,000 layers" in (tmp_path / "figure.svg").read_text()


@pytest.mark.parametrize("limit", ["none", "1kB"])
def test_a_streamed_file_agrees_with_memory(limit, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(huge.MODELS, "small", ("set-transformer++", 1))
    huge._write(tmp_path / "set.npy", 1201)
    huge.huge_inference("small", tmp_path / "set.npy", 211, limit)
    found = printed(capsys)
    assert found["difference"] < 1e-4
    huge.huge_gradients("small", 211)
    assert printed(capsys) < 1e-5


def test_a_store_feeds_a_model_and_is_removed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(store, "RESULTS", tmp_path / "rows.csv")

    def here(command, path, *rest):
        assert command == "store-train"
        kept = SetStore.open(path)
        assert kept.num_elements == pytest.approx(1e6 / 32, rel=0.5)
        assert float(np.std(kept.elements(0))) == pytest.approx(1, rel=0.3)
        store.store_train(path, *rest)
        return printed(capsys)

    monkeypatch.setattr(store, "in_own_process", here)
    store.store(tmp_path, gigabytes=0.001, depths="2", elements_per_batch=2000, seconds=0.0)
    with (tmp_path / "rows.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["loader"]) > 0
    assert float(row["anonymous_bytes"]) > 1e6
    assert list(tmp_path.glob("*.arrow")) == []


def test_starts_are_measured_beside_torch(capsys, monkeypatch):
    monkeypatch.setattr(start, "_commands", lambda _: {})  # `setwise` itself is started in tests/cli/test_app.py
    start.start(repeats=1)
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("| command | seconds")
    ratios = {row.split("|")[1].strip(): float(row.split("|")[4]) for row in rows}
    assert ratios["import torch"] == 1
    assert ratios["import setwise"] < 1


def test_the_processor_is_counted_of_what_is_started():
    seconds, used = start.timed(("-c", "sum(range(10_000_000))"))
    assert 0 < used < 2 * seconds
