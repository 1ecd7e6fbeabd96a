"""Elements that are more than the memory that is free."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store import spill
from setwise.store.tables import open_table
from setwise.streaming import free
from setwise.streaming.free import free_memory


@pytest.fixture
def small(monkeypatch):
    """Make a machine with 64 bytes of memory."""
    monkeypatch.setattr(spill, "free_memory", lambda: 64)


def _source(folder: Path, kind: str) -> Path:
    values = np.random.default_rng(0).normal(size=(53, 3)).astype(np.float32)
    if kind == "fcs":
        for number in range(3):
            write_fcs(folder / f"{number}.fcs", values * number, ["A", "B", "C"])
        return folder
    table = pa.table({"set_id": [f"s{n // 7}" for n in range(53)], **{f"x{n}": values[:, n] for n in range(3)}})
    write = pyarrow.csv.write_csv if kind == "csv" else pq.write_table
    write(table, folder / f"cells.{kind}")
    return folder / f"cells.{kind}"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["fcs", "csv", "parquet"])
@pytest.mark.parametrize("cofactor", [None, 5.0])
def test_elements_lie_in_a_file_that_nobody_sees(monkeypatch, tmp_path, kind, cofactor):
    source = _source(tmp_path, kind)
    reading, made = Reading(cofactor=cofactor), []
    real = spill.tempfile.TemporaryFile
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **more: made.append(more) or real(**more))
    mapped = read(source, reading=reading)
    assert len(made) == (2 if cofactor and kind != "fcs" else 1)
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(spill, "free_memory", lambda: 1 << 40)
    want = read(source, reading=reading)
    assert mapped.set_ids == want.set_ids
    for row in range(len(want)):
        np.testing.assert_array_equal(mapped.elements(row), want.elements(row))
    assert set(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("small")
def test_a_disk_without_space_is_told(monkeypatch):
    monkeypatch.setattr(spill.tempfile, "gettempdir", lambda: "/full")

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spill.tempfile, "TemporaryFile", full)
    with pytest.raises(InputError, match=r"/full has no space.*TMPDIR.*--store"):
        spill.allocate((31, 7))


@pytest.mark.parametrize(
    ("membership", "folder", "names"),
    [
        ("0::/job/step\n", "job", ("memory.max", "memory.current")),
        ("3:cpu:/x\n2:memory:/job/step\n0::/\n", "memory/job", ("memory.limit_in_bytes", "memory.usage_in_bytes")),
    ],
    ids=["second version", "first version"],
)
def test_limits_of_groups_of_processes_count(tmp_path, monkeypatch, membership, folder, names):
    """Limits of a job count, though its step has no limit of its own; pages of files can be taken back."""
    group = tmp_path / folder
    (group / "step").mkdir(parents=True)
    (group / names[0]).write_text("1000000\n")
    (group / names[1]).write_text("900000\n")
    (group / "memory.stat").write_text("anon 5\ninactive_file 200000\nactive_file 100000\n")
    (group / "step" / names[0]).write_text("max\n")
    read = free._text
    monkeypatch.setattr(free, "_GROUPS", tmp_path)
    monkeypatch.setattr(free, "_text", lambda path: membership if path == "/proc/self/cgroup" else read(path))
    assert free_memory() == 0.8 * 400_000


@pytest.mark.skipif(not Path("/proc/self/limits").is_file(), reason="limits are read from /proc, which Linux has")
def test_limits_of_the_process_count():
    code = """
import resource
from setwise.streaming.free import free_memory
resource.setrlimit(resource.RLIMIT_DATA, (1 << 42, 1 << 42))
print(free_memory())
used = int(__import__("re").search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + (100 << 20), 1 << 42))
print(free_memory())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    before, after = map(int, done.stdout.split())
    assert before > after
    assert 0.8 * (90 << 20) < after <= 0.8 * (100 << 20)
    assert re.fullmatch(r"\d+", str(free_memory()))


def test_reading_parquet_does_not_keep_what_was_read(tmp_path):
    """Arrow buffers whole files beforehand if it may, and gives nothing back before the end."""
    path = tmp_path / "cells.parquet"
    values = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)
    table = pa.table({"set_id": ["a"] * len(values), **{f"f{i}": values + i for i in range(8)}})
    pq.write_table(table, path, compression="none", row_group_size=1 << 16)
    del table
    before, most = pa.total_allocated_bytes(), 0
    for _ in open_table(path, set_id="set_id", stream=True).read(["set_id", *(f"f{i}" for i in range(8))]):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < path.stat().st_size / 2


def test_a_name_of_a_process_may_end_within_a_character(tmp_path):
    (tmp_path / "status").write_bytes("Name:\tzählwörterbuchö".encode()[:-1] + b"\nVmData:\t8 kB\n")
    assert "VmData:\t8 kB" in free._text(tmp_path / "status")
