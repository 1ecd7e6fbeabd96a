"""A file larger than the memory that reading it takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from setwise.readers.fcs.write import write_fcs

_READ = """
import re, sys, threading, time
from pathlib import Path
from setwise.readers.read import read
def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
before = peak = anonymous()
def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
read(Path(sys.argv[1]), store=sys.argv[2])
print(peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from /proc, which Linux has")
def test_a_file_goes_to_the_disk_piece_by_piece(tmp_path):
    piece = np.random.default_rng(0).gamma(2, 300, (1 << 19, 12)).astype(np.float32)
    spill = "2,C1,C2,1,0.1,0.2,1"
    path = tmp_path / "large.fcs"
    names = [f"C{n}" for n in range(12)]
    write_fcs(path, (piece for _ in range(8)), names, total=8 * len(piece), keywords={"$SPILLOVER": spill})
    command = [sys.executable, "-c", _READ, str(path), str(tmp_path / "x.arrow")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert path.stat().st_size > 200e6
    assert float(done.stdout) < 110  # MiB of its own; pages of the store belong to the file, and can be taken back
