"""All that the benchmarks compare computes the same function."""

import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

import setwise as sw
from benchmarks import report
from benchmarks.cases import MODELS, Product, products
from benchmarks.measure import compare, kept_bytes, peak_bytes
from benchmarks.peers import peer
from benchmarks.rows import append, newest
from benchmarks.textbook import Textbook


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sizes", [(5, 1, 3, 13), (7, 7)])
def test_the_textbook_computes_the_same(name, sizes):
    model = sw.models.build(MODELS[name][0], 2, 1, depth=2, width=8, dtype=torch.float64)
    assert isinstance(model, sw.models.SetModel)
    batch = sw.SetBatch.from_list([torch.randn(n, 2, dtype=torch.float64) for n in sizes])
    padded, counts = batch.to_padded()
    mask = torch.arange(padded.shape[1]) < counts[:, None]
    padded = padded.masked_fill(~mask[..., None], 1e3)  # what lies in the padding must not matter
    torch.testing.assert_close(Textbook(model)(padded, mask), model(batch))


def test_products_by_hand():
    assert products("deep-sets++ 50", [3, 4]) == [Product(7, 128, 128, 51)]
    elements, points, *attention = products("set-transformer 2", [5])
    assert (elements, points) == (Product(5, 128, 128, 8), Product(32, 128, 128, 8))
    assert attention == [Product(5, 32, 32, 4, batch=4), Product(5, 32, 32, 4, batch=4)]


def test_times_come_in_order_and_memory_is_counted():
    calls = []
    timings = compare({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=0.0)
    assert calls == ["a", "b"] * 4
    assert all(0 <= t.low <= t.median <= t.high for t in timings.values())
    x = torch.randn(7, 3, requires_grad=True)
    assert kept_bytes(lambda: x.exp()) == 7 * 3 * 4


def test_what_was_kept_is_given_back():
    x = torch.randn(7, 3, requires_grad=True)
    results = []

    def forward():
        y = x.exp()
        results.append(weakref.ref(y))
        return y

    kept_bytes(forward)
    assert results[0]() is None


@pytest.mark.parametrize("name", MODELS)
def test_peers_take_the_same_batches(name, monkeypatch):
    pytest.importorskip("torch_geometric", reason="PyTorch Geometric is not installed (extra bench)")
    monkeypatch.setitem(MODELS, name, (MODELS[name][0], 2))
    batch = sw.SetBatch.from_list([torch.randn(n, 2) for n in (5, 1, 3, 13)])
    other = peer(name, batch.sizes.tolist(), training=True)
    assert other is not None
    assert other(batch).shape == (4, 1)


def test_a_peer_that_memory_does_not_hold_is_left_out():
    assert peer("set-transformer 2", [100_000], training=False) is None


def test_the_newest_rows_are_shown_as_ratios(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    for date, seconds in (("2026-01-01", 1.0), ("2026-01-02", 3.0)):
        case = {"date": date, "model": "deep-sets 2", "batch": "tiny 64x10", "pass": "training"}
        times = {"ours": seconds, "textbook": 2 * seconds, "floor": seconds / 2}
        append(
            [case | {"variant": v, "seconds": str(t), "to_floor": str(2 * t / seconds)} for v, t in times.items()], path
        )
    monkeypatch.setattr(report, "newest", lambda: newest(path))
    assert report.table().splitlines()[2] == "| deep-sets 2 | tiny 64x10 | 3; - | 2.00; - | 2.0; - | -; - | - | - |"
    report.draw(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text().count("deep-sets 2, tiny 64x10") >= 1


def test_the_peak_of_a_process_is_not_that_of_its_parent():
    held = np.ones(50_000_000)  # 400 MB
    script = "from benchmarks.measure import peak_bytes; print(peak_bytes())"
    alone = int(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
    assert held.nbytes < peak_bytes()
    assert alone < peak_bytes() - held.nbytes / 2
