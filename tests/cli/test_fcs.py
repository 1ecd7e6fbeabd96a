"""A folder of FCS files and a spreadsheet, from the command line."""

import csv
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from setwise.readers.fcs.write import write_fcs

FILES = 23


@pytest.fixture
def samples(tmp_path):
    """Make a folder with a blank and an umlaut, and its table."""
    folder = tmp_path / "Proben für A"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(FILES):
        events = rng.gamma(2, 300 * (1 + number % 2), (7 + number, 4))
        events[:, 3] = np.arange(len(events))
        names = ["FSC-A", "FITC-A", "PE-A", "Time"]
        keywords = {"$SPILLOVER": "2,FITC-A,PE-A,1,0.1,0.2,1"}
        write_fcs(folder / f"s {number}.fcs", events, names, labels=["", "CD3", "CD4", ""], keywords=keywords)
    with (tmp_path / "samples.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["fcs_filename", "cmv"])
        writer.writerows([f"s {n}.fcs", "yes" if n % 2 else "no"] for n in range(FILES))
    return folder, tmp_path / "samples.csv", tmp_path


def _fit(folder, table, *more):
    tiny = ("--depth", "2", "--width", "8", "--epochs", "2", "--batch-size", "7")
    return ("fit", folder, "--sets", table, "--target", "cmv", *tiny, *more)


def test_from_a_folder_to_predictions(setwise, samples):
    folder, table, out = samples
    (folder / "s 5.fcs").write_bytes(b"FCS3.0 broken")
    refused = setwise(*_fit(folder, table, "--out", out / "run"))
    assert refused.code == 2
    assert "s 5.fcs" in refused.err.replace("\n", "")
    assert "--skip-bad" in refused.err.replace("\n", "")
    assert not (out / "run").exists()
    fitted = setwise(*_fit(folder, table, "--out", out / "run", "--skip-bad"))
    assert fitted.code == 0, fitted.err
    for words in ("FSC-A, CD3, CD4", "spillover compensated", "arcsinh(x / 150) of CD3, CD4", "Time:", "Skipped (1)"):
        assert words in fitted.out
    record = json.loads((out / "run" / "model.json").read_text())
    assert record["processing"]["compensation"] == "all"
    assert list(record["skipped"]) == ["s 5.fcs"]
    done = setwise("predict", out / "run", str(folder / "s 1*.fcs"), "--out", out / "p.csv")
    assert done.code == 0, done.err
    with (out / "p.csv").open(newline="", encoding="utf-8") as file:
        ids = [row["set_id"] for row in csv.DictReader(file)]
    assert ids == sorted(f"s {n}.fcs" for n in (1, *range(10, 20)))
    otherwise = setwise("predict", out / "run", folder, "--no-compensation", "--out", out / "q.csv", "--skip-bad")
    assert otherwise.code == 2
    assert "compensate must be True" in otherwise.err
    measured = setwise("evaluate", out / "run", folder, "--sets", table, "--skip-bad", "--json")
    assert json.loads(measured.out)["sets"] == FILES - 1
    assert list(json.loads(measured.out)["skipped"]) == ["s 5.fcs"]
    some = setwise("predict", out / "run", folder, "--out", out / "r.csv", "--skip-bad")
    assert f"{FILES - 1} sets predicted" in some.out
    for done in (measured, some):
        assert "s 5.fcs is left out: " in done.err


def test_names_of_features_from_a_file(setwise, samples):
    folder, table, out = samples
    (out / "panel.txt").write_text("CD4\nFITC-A\n", encoding="utf-8")
    looked = setwise("inspect", folder, "--sets", table, "--features", f"@{out / 'panel.txt'}", "--json")
    assert [feature["name"] for feature in json.loads(looked.out)["features"]] == ["CD4", "FITC-A"]
    missing = setwise("inspect", folder, "--features", f"@{out / 'none.txt'}")
    assert missing.code == 2
    assert "none.txt" in missing.err.replace("\n", "")


_SLOW = """
import signal, sys, time
from setwise.cli import main
from setwise.readers.fcs import file
real = file.FcsFile.read
def slow(self, *given, **named):
    for piece in real(self, *given, **named):
        print("reading", file=sys.stderr, flush=True)
        time.sleep(30)
        yield piece
file.FcsFile.read = slow
signal.signal(signal.SIGINT, signal.default_int_handler)
main(sys.argv[1:])
"""


def test_ctrl_c_while_reading_leaves_nothing_and_says_so(samples):
    folder, table, out = samples
    before = set(out.rglob("*"))
    arguments = [str(part) for part in _fit(folder, table, "--out", out / "run", "--store", out / "cells.arrow")]
    command = [sys.executable, "-c", _SLOW, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert "Traceback" not in said
    assert "interrupted" in said.lower()
    assert set(out.rglob("*")) == before
