"""Checkpoints and files: whole, or as they were."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from setwise._checks import InputError
from setwise._files import make_directory, write_atomic
from setwise.runs.checkpoints import Checkpoints, Progress
from setwise.runs.history import EpochRecord, read_history


def record(epoch: int, loss: float | None = None) -> EpochRecord:
    return EpochRecord(
        epoch=epoch, train_loss=1 / 3, gradient_norm=0.1, learning_rate=0.01, seconds=1.0, validation_loss=loss
    )


def save_epochs(checkpoints: Checkpoints, losses: list[float]) -> None:
    checkpoints.start()
    progress = Progress()
    for epoch, loss in enumerate(losses, start=1):
        line = record(epoch, loss)
        better = progress.improved_by(line)
        progress = progress.after(line)
        weights = {"w": torch.full((3,), float(epoch))}
        checkpoints.save(progress, {"model": weights}, weights if better else None)


@contextmanager
def small_disk():
    """Let files of this process grow to 4 KiB: writing more fails, as on a full disk.

    Not a fixture: pytest itself may be writing to a longer file, once the test is over.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_last_and_best_come_back(tmp_path):
    save_epochs(Checkpoints(tmp_path, {"seed": 0}), [3.0, 1.0, 2.0])
    found = Checkpoints(tmp_path, {"seed": 0}).load()
    assert found is not None
    progress, state, best = found
    assert (progress.epochs, progress.best_epoch, progress.best_loss) == (3, 2, 1.0)
    assert [r.validation_loss for r in progress.history] == [3.0, 1.0, 2.0]
    assert state["model"]["w"].tolist() == [3.0] * 3
    assert best["w"].tolist() == [2.0] * 3
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best-00002.pt", "last.pt"]


def test_metrics_are_cut_to_the_checkpoint(tmp_path):
    save_epochs(Checkpoints(tmp_path, {}), [3.0, 1.0])
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "train_loss": 0.1')  # what a kill leaves
    (tmp_path / "checkpoints" / ".last.pt.7.partial").write_bytes(b"half")
    Checkpoints(tmp_path, {}).load()
    assert [r.epoch for r in read_history(tmp_path / "metrics.jsonl")] == [1, 2]
    assert not list(tmp_path.rglob("*.partial"))


def test_nothing_to_go_on_from(tmp_path):
    assert Checkpoints(tmp_path, {}).load() is None


def test_another_fit_is_refused_by_what_differs(tmp_path):
    save_epochs(Checkpoints(tmp_path, {"config": {"epochs": 3, "seed": 0}}), [1.0])
    with pytest.raises(InputError, match=r"config: seed was 0 and is now 7"):
        Checkpoints(tmp_path, {"config": {"epochs": 3, "seed": 7}}).load()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half of an archive"])
@pytest.mark.parametrize("name", ["last.pt", "best-00001.pt"])
def test_damage_is_named(tmp_path, name, content):
    save_epochs(Checkpoints(tmp_path, {}), [1.0])
    path = tmp_path / "checkpoints" / name
    path.write_bytes(content or path.read_bytes().replace(b"\x00\x00\x80\x3f", b"\x00\x00\x81\x3f"))
    with pytest.raises(InputError, match=rf"{name} is missing or damaged"):
        Checkpoints(tmp_path, {}).load()


def test_code_in_a_checkpoint_is_not_executed(tmp_path):
    save_epochs(Checkpoints(tmp_path, {}), [1.0])
    torch.save(Trap(tmp_path / "executed"), tmp_path / "checkpoints" / "last.pt")
    with pytest.raises(InputError, match="damaged"):
        Checkpoints(tmp_path, {}).load()
    assert not (tmp_path / "executed").exists()


class Trap:
    """Makes a file when it is unpickled the careless way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_full_disk_leaves_the_older_file(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with small_disk(), pytest.raises(InputError, match=r"file could not be written: File too large"):
        write_atomic(path, b"new" * 10_000)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"run could not be written: Not a directory"):
        make_directory(tmp_path / "file" / "run")


def test_damaged_line_of_history_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(InputError, match=r"metrics.jsonl, line 1, is damaged"):
        read_history(tmp_path / "metrics.jsonl")
