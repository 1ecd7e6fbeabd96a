"""The script that measures a GPU, and the trial of a fused layer, in Triton's interpreter or on the GPU itself."""

import csv
import os
from importlib.util import find_spec

import pytest
import torch

from benchmarks.gpu_measure import BlockWork, Ceilings, time_on
from benchmarks.rows import newest
from setwise import SetLayout
from setwise.testing import assert_close

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
triton = pytest.mark.triton
needs_triton = pytest.mark.skipif(
    find_spec("triton") is None or (DEVICE.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1"),
    reason="needs Triton (the extra gpu) and a GPU or its interpreter: make test-triton",
)


def test_the_bound_by_hand():
    top = Ceilings(bandwidth=2e12, rate=5e14)
    block = BlockWork(elements=64_000, width=128, itemsize=2)
    assert block.moved(training=False) == 5 * 64_000 * 128 * 2
    assert block.operations(training=True) == 6 * 2 * 64_000 * 128 * 128
    assert top.bound(4_000_000, 0) == 2e-6
    assert top.bound(4_000_000, 5_000_000_000) == 1e-5


def test_work_is_timed_after_a_warm_up():
    calls = []
    timing = time_on(torch.device("cpu"), lambda: calls.append(1), seconds=0.0)
    assert len(calls) == 6
    assert 0 <= timing.low <= timing.median <= timing.high
    assert timing.over(2).median == timing.median / 2


@triton
@needs_triton
@pytest.mark.parametrize("sizes", [(5, 1, 131, 257), (129,) * 3])
@pytest.mark.parametrize("width", [16, 256])
def test_fused_layers(sizes, width):
    from benchmarks.fused_layer import FusedLayers

    layout = SetLayout.from_sizes(sizes).to(DEVICE)
    fused = FusedLayers(layout.offsets, layout.largest, sum(sizes))
    x = (torch.randn(sum(sizes), width, device=DEVICE) + 10).half()
    norm = torch.randn(width, device=DEVICE), torch.randn(width, device=DEVICE)
    matrix = (torch.randn(width, width, device=DEVICE) / width**0.5).half()
    hidden, stats = fused.layer(x, norm, matrix, fused.statistics(x), None)
    got, last = fused.layer(hidden, norm, matrix, stats, x)

    def layer(x):
        parts = [(p - p.mean()) / (p.var(correction=0) + 1e-5).sqrt() for p in x.split(sizes)]
        return (torch.cat(parts) * norm[0] + norm[1]).relu() @ matrix.double().T

    assert_close(hidden.double(), layer(x.double()), "a layer", 2e-3)
    assert_close(got.double(), x.double() + layer(hidden.double()), "a layer with a residual", 2e-3)
    for i, part in enumerate(got.double().split(sizes)):
        shift, mean, rstd = last[i].double()
        assert_close(shift + mean, part.mean(), "the mean that the epilogue kept", 1e-5)
        assert_close(rstd, (part.var(correction=0) + 1e-5).rsqrt(), "1 / std that the epilogue kept", 1e-4)


@triton
@needs_triton
def test_every_section_runs(tmp_path, capsys, monkeypatch):
    from benchmarks import gpu, gpu_plan

    monkeypatch.setattr(gpu, "SECTIONS", tuple(s for s in gpu.SECTIONS if s.__name__ != "models"))  # compiles
    results = tmp_path / "results.csv"
    pytest.importorskip("pydantic", reason="the fit loop needs pydantic, which is not installed")
    assert gpu.measure(gpu_plan.plan(tiny=True), minutes=5, skip_tests=True, anyway=False, results=results)
    shown = capsys.readouterr().out
    assert "Traceback" not in shown
    with results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["variant"] for row in rows} >= {"eager", "graph", "kernels", "fused", "as used", "captured"}
    assert all(float(row["seconds"]) > 0 and row["torch"].endswith(tuple("0123456789")) for row in rows)


@triton
@needs_triton
def test_a_section_that_fails_takes_no_other_with_it(capsys, monkeypatch):
    from benchmarks import gpu, gpu_plan

    def fails(_):
        """This one fails."""
        raise RuntimeError("out of memory")
        yield

    def works(_):
        """This one works."""
        print("worked")
        yield from ()

    monkeypatch.setattr(gpu, "SECTIONS", (fails, works))
    assert not gpu.measure(gpu_plan.plan(tiny=True), minutes=5, skip_tests=True, anyway=False, results=None)
    shown = capsys.readouterr().out
    assert "out of memory" in shown
    assert "worked" in shown


def test_the_newest_rows_of_a_report_are_of_a_cpu(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(
        "date,device,model,batch,pass,variant\n1,x86_64 CPU,m,b,training,ours\n2,NVIDIA H100,m,b,training,ours\n"
    )
    assert newest(path)["m", "b", "training"]["ours"]["date"] == "1"
