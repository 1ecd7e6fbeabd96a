"""A folder of FCS files and a spreadsheet, from the command line."""

import csv
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from setwise.readers.fcs.write import write_fcs

FILES = 23


def samples_in(place):
    """Make a folder with a blank and an umlaut, and its table."""
    folder = place / "Proben für A"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(FILES):
        events = rng.gamma(2, 300 * (1 + number % 2), (7 + number, 4))
        events[:, 3] = np.arange(len(events))
        names = ["FSC-A", "FITC-A", "PE-A", "Time"]
        keywords = {"$SPILLOVER": "2,FITC-A,PE-A,1,0.1,0.2,1"}
        write_fcs(folder / f"s {number}.fcs", events, names, labels=["", "CD3", "CD4", ""], keywords=keywords)
    with (place / "samples.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["fcs_filename", "cmv"])
        writer.writerows([f"s {n}.fcs", "yes" if n % 2 else "no"] for n in range(FILES))
    return folder, place / "samples.csv", place


@pytest.fixture
def samples(tmp_path):
    return samples_in(tmp_path)


def _fit(folder, table, *more):
    tiny = ("--depth", "2", "--width", "8", "--epochs", "2", "--batch-size", "7")
    return ("fit", folder, "--sets", table, "--target", "cmv", *tiny, *more)


def test_a_broken_file_is_refused_by_name(setwise, samples):
    folder, table, out = samples
    (folder / "s 5.fcs").write_bytes(b"FCS3.0 broken")
    refused = setwise(*_fit(folder, table, "--out", out / "run"))
    assert refused.code == 2
    assert "s 5.fcs" in refused.err.replace("\n", "")
    assert "--skip-bad" in refused.err.replace("\n", "")
    assert not (out / "run").exists()


@dataclass(frozen=True)
class Fitted:
    """A folder with a broken file, its table, a run on the others, and what the fit printed."""

    folder: Path
    table: Path
    run: Path
    out: str


@pytest.fixture(scope="module")
def fitted(setwise, tmp_path_factory):
    """Fit a run without a broken file, which tests read and do not change."""
    folder, table, place = samples_in(tmp_path_factory.mktemp("samples"))
    (folder / "s 5.fcs").write_bytes(b"FCS3.0 broken")
    done = setwise(*_fit(folder, table, "--out", place / "run", "--skip-bad"))
    assert done.code == 0, done.err
    return Fitted(folder, table, place / "run", done.out)


def test_a_fit_says_what_is_done_to_channels(fitted):
    for words in ("FSC-A, CD3, CD4", "spillover compensated", "arcsinh(x / 150) of CD3, CD4", "Time:", "Skipped (1)"):
        assert words in fitted.out


def test_the_record_has_the_compensation_and_what_was_skipped(fitted):
    record = json.loads((fitted.run / "model.json").read_text())
    assert record["processing"]["compensation"] == "all"
    assert list(record["skipped"]) == ["s 5.fcs"]


def test_files_that_a_pattern_names_are_predicted(setwise, fitted, tmp_path):
    done = setwise("predict", fitted.run, str(fitted.folder / "s 1*.fcs"), "--out", tmp_path / "p.csv")
    assert done.code == 0, done.err
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        ids = [row["set_id"] for row in csv.DictReader(file)]
    assert ids == sorted(f"s {n}.fcs" for n in (1, *range(10, 20)))


def test_another_compensation_than_in_training_is_refused(setwise, fitted, tmp_path):
    out = ("--out", tmp_path / "q.csv")
    otherwise = setwise("predict", fitted.run, fitted.folder, "--no-compensation", *out, "--skip-bad")
    assert otherwise.code == 2
    assert "compensate must be True" in otherwise.err


def test_an_evaluation_leaves_out_a_broken_file_and_says_so(setwise, fitted):
    measured = setwise("evaluate", fitted.run, fitted.folder, "--sets", fitted.table, "--skip-bad", "--json")
    assert json.loads(measured.out)["sets"] == FILES - 1
    assert list(json.loads(measured.out)["skipped"]) == ["s 5.fcs"]
    assert "s 5.fcs is left out: " in measured.err


def test_predictions_leave_out_a_broken_file_and_say_so(setwise, fitted, tmp_path):
    some = setwise("predict", fitted.run, fitted.folder, "--out", tmp_path / "r.csv", "--skip-bad")
    assert f"{FILES - 1} samples predicted" in some.out
    assert "s 5.fcs is left out: " in some.err


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


def test_aliases_are_suggested_then_kept_with_the_run(setwise, tmp_path):
    folder, rng = tmp_path / "fcs", np.random.default_rng(0)
    folder.mkdir()
    for n in range(12):
        marker = "CD3 FITC" if n % 3 == 0 else "CD3"
        write_fcs(folder / f"{n}.fcs", rng.normal(100 * (n % 2), 50, (5, 2)), ["A", "B"], labels=[marker, "CD4"])
    table = tmp_path / "y.csv"
    table.write_text("file,y\n" + "".join(f"{n}.fcs,{n % 4}\n" for n in range(12)))
    aliases, out = tmp_path / "aliases.csv", tmp_path / "run"
    told = setwise("inspect", folder, "--suggest-aliases", aliases)
    assert told.code == 0, told.err
    assert aliases.read_text() == "name,alias\nCD3,CD3 FITC\n"
    fitted = setwise(
        *("fit", folder, "--sets", table, "--target", "y", "--aliases", aliases, "--out", out, "--model", "linear")
    )
    assert fitted.code == 0, fitted.err
    assert setwise("predict", out, folder, "--out", tmp_path / "p.csv").code == 0
    refused = setwise("inspect", table, "--suggest-aliases", tmp_path / "new.csv")
    assert refused.code == 2
    assert "FCS files and files of one set each" in refused.err
