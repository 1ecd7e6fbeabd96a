"""Several processes that fit together give the losses of one, go on from each other's checkpoints, and write once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch

from setwise import SetBatch
from setwise._checks import InputError
from setwise.fit import processes, torchrun
from setwise.fit.parts import Example
from setwise.models import DeepSetsSpec

WORKER = Path(__file__).parent / "parallel_worker.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]


def run(*command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fit(tmp_path, name, number, *, epochs=6):
    launcher = [sys.executable] if number == 1 else [*TORCHRUN, f"--nproc-per-node={number}"]
    run(*launcher, WORKER, tmp_path / name, tmp_path / "losses.json", epochs)
    return np.array(json.loads((tmp_path / "losses.json").read_text()))


@pytest.mark.slow
def test_losses_of_one_process_and_its_checkpoints(tmp_path):
    want = fit(tmp_path, "one", 1)
    assert want.shape == (6, 3)
    np.testing.assert_allclose(fit(tmp_path, "two", 2, epochs=2), want[:2], rtol=1e-9)
    np.testing.assert_allclose(fit(tmp_path, "two", 1, epochs=4), want[:4], rtol=1e-9)
    np.testing.assert_allclose(fit(tmp_path, "two", 2), want, rtol=1e-9)


@pytest.mark.slow
def test_command_line_under_torchrun(tmp_path):
    draw = np.random.default_rng(0)
    ids = np.repeat(np.arange(41), 5)
    pa_table = pa.table({"set_id": ids, "a": draw.normal(size=205), "b": draw.normal(size=205)})
    pyarrow.csv.write_csv(pa_table, tmp_path / "elements.csv")
    pyarrow.csv.write_csv(pa.table({"set_id": np.arange(41), "y": draw.normal(size=41)}), tmp_path / "sets.csv")

    def command(out):
        setwise = ["fit", tmp_path / "elements.csv", "--sets", tmp_path / "sets.csv", "--target", "y"]
        return [
            *setwise,
            "--depth",
            2,
            "--width",
            8,
            "--epochs",
            3,
            "--device",
            "cpu",
            "--out",
            tmp_path / out,
            "--ensemble",
            1,
            "--json",
        ]

    program = "from setwise.cli import main; main()"
    run(sys.executable, "-c", program, *command("one"))
    script = tmp_path / "program.py"
    script.write_text(program)
    said = run(*TORCHRUN, "--nproc-per-node=2", script, *command("two"))
    assert json.loads(said)["run"] == str(tmp_path / "two")
    one, two = (sorted(p.name for p in (tmp_path / name).iterdir()) for name in ("one", "two"))
    assert two == one
    losses = [
        [json.loads(line)["train_loss"] for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert len(losses[1]) == 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_every_set_is_computed_once():
    sizes = [3, 1, 7, 2, 5]
    batch = SetBatch.from_list([torch.full((n, 2), float(n)) for n in sizes])
    example = Example(batch, torch.tensor(sizes), torch.tensor(sizes))
    seen = []
    for rank in range(7):
        own, count = processes.own_share(example, rank, 7)
        assert own.weights is not None
        assert own.batch.sizes.tolist() == own.encoded.tolist() == own.weights.tolist()
        assert len(own.batch) == 1
        seen += own.batch.sizes.tolist()[:count]
    assert sorted(seen) == sorted(sizes)


def test_one_device_for_several_processes_is_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "3")
    assert not torchrun.is_writer()
    assert processes.fabric_choices("cuda")["num_nodes"] == 2
    with pytest.raises(InputError, match="got cuda:1"):
        processes.fabric_choices("cuda:1")


def test_statistics_that_cross_sets_are_refused_for_several_processes(monkeypatch):
    specs = [DeepSetsSpec(in_features=2, out_features=1, norm=norm) for norm in ("feature", "feature-by-set", "set")]
    for spec in specs:
        processes.check_norm(spec)  # one process
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "4")
    processes.check_norm(specs[-1])
    for spec in specs[:2]:
        with pytest.raises(InputError, match=r"differ between the 4 processes\. Fit with one process"):
            processes.check_norm(spec)
