"""Folders of small FCS files."""

from pathlib import Path

import numpy as np
import pytest

from setwise.readers.fcs.write import write_fcs

NAMES = ["FSC-A", "FITC-A", "PE-A", "Time"]
MARKERS = ["", "CD3", "CD4", ""]
SPILL = "2,FITC-A,PE-A,1,0.25,0.125,1"


def events(seed, count=53, channels=4):
    """Draw values as a flow cytometer has them, the last channel a clock."""
    values = np.random.default_rng(seed).gamma(2, 500, (count, channels))
    values[:, -1] = np.arange(count)
    return values.astype(np.float32)


class Folder:
    """A folder to which FCS files are written."""

    def __init__(self, path: Path):
        self.path = path

    def add(self, name, *, seed=0, count=53, names=NAMES, labels=MARKERS, **keywords):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        more = {key.replace("S_", "$"): value for key, value in keywords.items()}
        return write_fcs(path, events(seed, count, len(names)), names, labels=labels, keywords=more)


@pytest.fixture
def folder(tmp_path):
    """Write five files in a folder with a blank and an umlaut in its name."""
    made = Folder(tmp_path / "Proben für A")
    for number in range(5):
        made.add(f"s {number}.fcs", seed=number, count=11 + 2 * number, SPILL=SPILL)
    return made
