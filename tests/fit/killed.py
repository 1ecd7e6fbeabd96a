"""A program that trains, is killed without warning at chosen and at random moments, resumes, and compares.

Run by `test_resume.py` in a process of its own, which imports once and forks a child for each training.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import lightning_fabric  # noqa: F401 - what fits import, so that children need not
import numpy as np
import pyarrow as pa
import scipy.stats  # noqa: F401
import sklearn.model_selection  # noqa: F401
import torch
import torch._dynamo

from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.readers.read import read
from setwise.runs.config import FitConfig


def run(out: Path, *, resume: bool) -> None:
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 5, 1.0, (1 + i % 7, 3)) for i in range(31)]
    store = read(sets, sets=pa.table({"y": [float(x.mean()) for x in sets]}))
    config = FitConfig(epochs=6, batch_size=5, max_elements=4, learning_rate=0.01, device="cpu")
    choices = {"depth": 2, "width": 8}
    study = Study(targets="y", model_choices=choices, config=config)
    train(store, study, out=out, resume=resume, baselines=False, intervals=False)


def run_of_elements(out: Path, *, resume: bool) -> None:
    """Fit two labels of elements by an ensemble, some of them missing, sub-sampled with their elements."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 5, 1.0, (1 + i % 7, 3)) for i in range(31)]
    x = np.concatenate(sets)[:, 0]
    labels = {"kind": np.where(x > 2, "high", "low").astype(object), "number": np.where(x > 4, np.nan, x)}
    store = read(sets).with_labels(labels)
    config = FitConfig(epochs=3, batch_size=3, max_elements=4, learning_rate=0.01, ensemble=2, device="cpu")
    study = Study(
        targets=("kind", "number"),
        of="elements",
        validation=0.2,
        model_choices={"depth": 2, "width": 8},
        config=config,
    )
    train(store, study, out=out, resume=resume, baselines=False, intervals=False)


def kill_at_step(number: int) -> None:
    """Kill in the middle of an epoch: once the optimizer has done so many steps."""
    step, left = torch.optim.AdamW.step, iter(range(number))

    def counted(self: torch.optim.AdamW) -> None:
        step(self)
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.optim.AdamW.step = counted  # type: ignore[method-assign]


def kill_in_write(name: str, number: int) -> None:
    """Kill in the middle of writing a file whose name has this in it, for the so-many-th time."""
    write, left = Path.write_bytes, iter(range(number))

    def half(self: Path, data: bytes) -> int:
        if name in self.name and next(left, None) is None:
            write(self, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(self, data)

    Path.write_bytes = half  # type: ignore[assignment]


def kill_before_removing(name: str) -> None:
    """Kill just before a file of this name is removed."""
    remove = Path.unlink

    def last(self: Path, missing_ok: bool = False) -> None:
        if self.name == name:
            os.kill(os.getpid(), signal.SIGKILL)
        remove(self, missing_ok)

    Path.unlink = last  # type: ignore[method-assign]


def in_child(action: Callable[[], None], *, kill_after: float | None = None) -> int:
    """Do something in a child; minus the signal that ended it, or its exit status."""
    child = os.fork()
    if child == 0:
        action()
        sys.stderr.flush()
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(out: Path) -> list[object]:
    """Return all that must be the same: weights, epochs, test results and the checkpoints of the state."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    record = json.loads((out / "model.json").read_text())
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*"))
    return [
        record["weights_sha256"],
        [{k: v for k, v in line.items() if k != "seconds"} for line in lines],
        [record[key] for key in ("test", "split", "status", "best_epoch")],
        names,
    ]


def check_elements(folder: Path) -> None:
    """Check that a fit of elements, killed in its first and in its second member, ends with the same bits."""
    assert in_child(lambda: run_of_elements(folder / "whole elements", resume=False)) == 0
    want = content(folder / "whole elements")
    for step in (2, 15, 31):  # of 7 an epoch, 21 a member
        out = folder / f"elements {step}"
        ended = in_child(lambda: (kill_at_step(step), run_of_elements(out, resume=False)))  # type: ignore[func-returns-value]  # noqa: B023
        assert ended == -signal.SIGKILL, f"elements, step {step}: ended with {ended}"
        assert not (out / "model.json").exists(), f"elements, step {step}: a killed run looks finished"
        assert in_child(lambda: run_of_elements(out, resume=True)) == 0, step  # noqa: B023
        assert content(out) == want, f"elements, step {step}: {content(out)} is not {want}"


def main(folder: Path) -> None:
    check_elements(folder)
    began = time.perf_counter()
    assert in_child(lambda: run(folder / "whole", resume=False)) == 0
    whole = time.perf_counter() - began
    want = content(folder / "whole")
    moments: dict[str, Callable[[], None]] = {
        "first epoch": lambda: kill_at_step(2),
        "third epoch": lambda: kill_at_step(17),
        "first checkpoint": lambda: kill_in_write("last.pt", 0),
        "best weights": lambda: kill_in_write("best-", 1),
        "fourth checkpoint": lambda: kill_in_write("last.pt", 3),
        "weights of the epoch before": lambda: kill_before_removing("best-00005.pt"),
        "weights": lambda: kill_in_write("weights.safetensors", 0),
        "model": lambda: kill_in_write("model.json", 0),
    }
    for name, kill in moments.items():
        out = folder / name
        ended = in_child(lambda: (kill(), run(out, resume=False)))  # type: ignore[func-returns-value]  # noqa: B023
        assert ended == -signal.SIGKILL, f"{name}: ended with {ended}"
        assert not (out / "model.json").exists(), f"{name}: a killed run looks finished"
        assert in_child(lambda: run(out, resume=True)) == 0, name  # noqa: B023
        assert content(out) == want, f"{name}: {content(out)} is not {want}"
    draw, kills, out = random.Random(0), 0, folder / "any moment"
    while kills < 6 and in_child(lambda: run(out, resume=True), kill_after=whole * draw.uniform(0.05, 0.5)) != 0:
        kills += 1
    assert in_child(lambda: run(out, resume=True)) == 0
    assert content(out) == want, f"after {kills} kills: {content(out)} is not {want}"
    print(kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
