"""Folders of FCS files, with their tables, into stores."""

import signal
import subprocess
import sys
import time
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.write import copy_fcs, write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store.inspect import summarise
from setwise.store.processing import Processing
from setwise.store.store import SetStore
from tests.readers.fcs.conftest import MARKERS, NAMES, SPILL, events

MATRIX = np.array([[1, 0.25], [0.125, 1]])


def _table(count=5, **more):
    return pa.table({"fcs_filename": [f"s {n}.fcs" for n in range(count)], "y": list(range(count)), **more})


def test_a_folder_and_a_table(folder):
    store = read(folder.path, sets=_table())
    assert store.features == ("FSC-A", "CD3", "CD4")
    assert store.set_ids == [f"s {n}.fcs" for n in range(5)]
    assert store.sizes.tolist() == [11, 13, 15, 17, 19]
    assert store.sets["y"].to_pylist() == list(range(5))
    assert "time" in store.left_out["Time"]
    raw = events(3, 17)
    expected = np.arcsinh(raw[:, 1:3].astype(np.float64) @ np.linalg.inv(MATRIX) / 150)
    np.testing.assert_allclose(store.elements(3)[:, 1:], expected, rtol=1e-6)
    np.testing.assert_array_equal(store.elements(3)[:, 0], raw[:, 0])
    done = store.description.processing
    assert (done.compensation, dict(done.cofactors)) == ("all", {"CD3": 150.0, "CD4": 150.0})
    assert "FSC-A" in store.description.notes[0]


def test_choices_of_reading(folder):
    store = read(folder.path, features=["PE-A", "CD3"], reading=Reading(compensate=False, cofactor=0))
    np.testing.assert_array_equal(store.elements(0), events(0, 11)[:, [2, 1]])
    assert store.features == ("PE-A", "CD3")
    assert store.description.processing == Processing("none")


def test_a_store_on_disk_is_the_same(folder, tmp_path):
    kept = read(folder.path, sets=_table(), store=tmp_path / "cells.arrow")
    assert kept.fingerprint == read(folder.path, sets=_table()).fingerprint
    opened = SetStore.open(tmp_path / "cells.arrow").description
    assert opened.processing.cofactors == {"CD3": 150.0, "CD4": 150.0}
    assert opened.notes == kept.description.notes


def test_names_of_files_in_every_way(folder):
    folder.add("sub/s 7.fcs", seed=7, SPILL=SPILL)
    decomposed = unicodedata.normalize("NFD", "Müller.fcs")
    folder.add(decomposed, seed=8, SPILL=SPILL)
    ways = ["s 0", "./s 1.fcs", "s 2.fcs", "s 3", "s 4.fcs", "s 7.fcs", unicodedata.normalize("NFC", decomposed)]
    store = read(folder.path, sets=pa.table({"tube": ways, "y": range(7)}), reading=Reading(file_column="tube"))
    assert store.set_ids[5:] == ["sub/s 7.fcs", decomposed]
    named = read(folder.path, sets=pa.table({"set_id": list("abcdefg"), "file": ways}))
    assert named.set_ids == list("abcdefg")
    assert len(read(str(folder.path / "s *.fcs"))) == 5
    assert len(read(folder.path / "s 0.fcs")) == 1
    assert len(read([folder.path / "s 0.fcs", folder.path / "sub/s 7.fcs"])) == 2


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["s 0", "s 1", "s 2", "s 3", "s 9"], r"1 of those .* not below .*: s 9\. Mend the names"),
        (["s 0", "s 1", "s 2", "s 3"], r"1 below .* have none .*: s 4\.fcs\. Add their rows"),
        (["s 0", "s 1", "s 2", "s 3", "s 3.fcs"], "rows 4 and 5 .* both name s 3.fcs"),
        (["a", "b"], "names none of the 5 FCS files"),
        (["s 0", ""], "is empty in row 2"),
    ],
)
def test_tables_that_do_not_fit(folder, names, words):
    with pytest.raises(InputError, match=words):
        read(folder.path, sets=pa.table({"file": names}))


def test_what_does_not_fit_can_be_left_out(folder):
    table = pa.table({"file": ["s 0", "s 1", "s 9"], "y": [0, 1, 9]})
    store = read(folder.path, sets=table, reading=Reading(skip_bad=True))
    assert store.sets["y"].to_pylist() == [0, 1]
    assert sorted(store.description.skipped) == ["s 2.fcs", "s 3.fcs", "s 4.fcs", "s 9"]


def test_a_table_without_names_of_files(folder):
    with pytest.raises(InputError, match="--file-column"):
        read(folder.path, sets=pa.table({"tube": ["s 0"]}))
    with pytest.raises(InputError, match="no column 'tubes'"):
        read(folder.path, sets=_table(), reading=Reading(file_column="tubes"))


def test_a_folder_without_files_is_told_as_such_beside_a_table_too(tmp_path):
    for sets in (None, {"fcs_filename": ["a.fcs"]}):
        with pytest.raises(InputError, match="is a folder without files that are read"):
            read(tmp_path, sets=sets)


def test_one_corrupt_file_among_many(folder, tmp_path):
    whole = (folder.path / "s 2.fcs").read_bytes()
    (folder.path / "s 2.fcs").write_bytes(whole[:-200])
    with pytest.raises(InputError, match=r"s 2\.fcs.* cut off.*--skip-bad"):
        read(folder.path, sets=_table(), store=tmp_path / "x.arrow")
    assert not (tmp_path / "x.arrow").exists()
    store = read(folder.path, sets=_table(), reading=Reading(skip_bad=True), store=tmp_path / "x.arrow")
    assert store.sets["y"].to_pylist() == [0, 1, 3, 4]
    assert list(store.description.skipped) == ["s 2.fcs"]
    looked = summarise(read(folder.path, sets=_table(), strict=False))
    assert any("cut off" in problem for problem in looked.problems)


def test_panels_that_differ_are_told_channel_by_channel(folder):
    folder.add("s 5.fcs", labels=["", "CD3", "CD8", ""], SPILL=SPILL)
    with pytest.raises(InputError, match=r"'CD4': all but s 5\.fcs \(5 of 6\); 'CD8': only s 5\.fcs") as refused:
        read(folder.path)
    assert 'all files have "FSC-A,CD3". Name one by $PnN only where' in str(refused.value)
    assert read(folder.path, features=["CD3", "PE-A"]).features == ("CD3", "PE-A")
    with pytest.raises(InputError, match=r"'CD8' is in 1 of 6 files, not in s 0\.fcs"):
        read(folder.path, features=["CD3", "CD8"])
    left = read(folder.path, features=["CD3", "CD4"], reading=Reading(skip_bad=True))
    assert len(left) == 5
    assert left.description.skipped["s 5.fcs"].endswith("has no channel CD4")
    with pytest.raises(InputError, match=r"'CD19' is in 0 of 6 files"):
        read(folder.path, features=["CD19"], reading=Reading(skip_bad=True))
    loose = read(folder.path, strict=False)
    assert loose.features == ("FSC-A", "CD3")


def test_detectors_are_advised_only_where_they_have_the_same_markers(folder):
    folder.add("s 5.fcs", labels=None, SPILL=SPILL)
    with pytest.raises(InputError, match='named by \\$PnN: --features "FSC-A,FITC-A,PE-A"'):
        read(folder.path)
    assert not any("$PnN" in note for note in read(folder.path, features=["FITC-A"]).description.notes)
    folder.add("s 6.fcs", labels=["", "CD19", "CD3", ""], SPILL=SPILL)
    with pytest.raises(InputError) as refused:
        read([folder.path / "s 0.fcs", folder.path / "s 6.fcs"])
    assert 'all files have "FSC-A,CD3"' in str(refused.value)
    assert "FITC-A" not in str(refused.value)
    notes = read(folder.path, features=["FITC-A", "FSC-A"]).description.notes
    assert any("other files: FITC-A is CD3 (s 0.fcs), CD19 (s 6.fcs). Name the markers" in note for note in notes)


def test_matrices_that_cannot_be_used(folder):
    for text, words in [
        ("2,FITC-A,APC-A,1,0,0,1", "names channels that the file does not have: APC-A"),
        ("2,FITC-A,PE-A,1,1,1,1", "cannot be inverted"),
        ("2,FITC-A,PE-A,1,x,0,1", "must hold numbers"),
        ("2,FITC-A,PE-A,1", "must be its size n"),
        ("2,FITC-A,FITC-A,1,0,0,1", "names a channel twice"),
    ]:
        folder.add("s 0.fcs", count=11, SPILL=text)
        with pytest.raises(InputError, match=words + ".*--no-compensation"):
            read(folder.path)
    assert len(read(folder.path, reading=Reading(compensate=False))) == 5


def test_whether_there_is_spillover_to_compensate_is_told(folder, tmp_path):
    without = read(folder.path, reading=Reading(compensate=False))
    assert without.description.processing.describe()[0] == "spillover not compensated"
    folder.path = tmp_path / "bare"
    for number in range(3):
        folder.add(f"{number}.fcs", seed=number)
    bare = read(folder.path)
    assert bare.description.processing.describe()[0].endswith("the files bring no matrix")
    np.testing.assert_array_equal(read(folder.path, like=without.description.processing).elements(1), bare.elements(1))
    assert read(without, like=bare.description.processing) is without
    with pytest.raises(InputError, match=r"3 of 3 files have no spillover matrix.*: 0\.fcs"):
        read(folder.path, reading=Reading(compensate=True))


def test_a_model_of_files_without_matrices_refuses_files_with_one_unless_told_not_to_compensate(folder, tmp_path):
    with_matrices, folder.path = folder.path, tmp_path / "bare"
    for number in range(3):
        folder.add(f"{number}.fcs", seed=number, count=11 + 2 * number)
    fitted = read(folder.path).description.processing
    with pytest.raises(InputError, match=r"without spillover matrices; 5 of 5 files have one: s 0\.fcs.*--no-compens"):
        read(with_matrices, like=fitted)
    as_measured = read(with_matrices, like=fitted, reading=Reading(compensate=False))
    np.testing.assert_array_equal(as_measured.elements(0), read(folder.path).elements(0))
    assert as_measured.description.processing == fitted
    told = read(folder.path, reading=Reading(compensate=False)).description.processing
    assert told.compensation == "none"
    np.testing.assert_array_equal(read(with_matrices, like=told).elements(0), as_measured.elements(0))


def test_some_files_without_a_matrix(folder):
    folder.add("s 1.fcs", seed=1, count=13)
    store = read(folder.path)
    assert store.description.processing.compensation == "some"
    assert any("s 1.fcs" in note for note in store.description.notes)


@pytest.mark.parametrize(
    ("names", "keywords"),
    [
        (["Ir191Di", "(Sm147)Di", "Time", "Event_length"], {}),
        (["a", "b", "Time", "Event_length"], {"S_CYT": "CyTOF 2"}),
    ],
)
def test_mass_cytometry_has_its_own_cofactor(folder, tmp_path, names, keywords):
    folder.path = tmp_path / "mass"
    for n in range(3):
        folder.add(f"{n}.fcs", names=names, labels=None, seed=n, **keywords)
    store = read(folder.path)
    assert store.features == tuple(names[:2])
    assert set(store.description.processing.cofactors.values()) == {5.0}
    folder.add("flow.fcs", names=[names[0], "B", "C", "Time", "E", "F"], labels=None)
    with pytest.raises(InputError, match="mass and of flow cytometry are mixed"):
        read(folder.path, features=[names[0]])


@pytest.mark.parametrize(
    "detectors",
    [
        ["B515-A", "R780-A", "V450-A", "G560-A"],  # of a FACSAria: a laser and a wavelength
        ["V450", "V525", "Y585", "Y610"],  # vanadium and yttrium have no such masses
    ],
)
def test_detectors_named_by_laser_and_wavelength_are_no_isotopes(folder, tmp_path, detectors):
    folder.path = tmp_path / "flow"
    folder.add("a.fcs", names=["FSC-A", "SSC-A", *detectors, "Time"], labels=None, S_CYT="Main Aria (FACSAria)")
    store = read(folder.path)
    assert store.description.processing.cofactors == dict.fromkeys(detectors, 150.0)


def test_new_files_are_read_as_those_of_the_model(folder):
    fitted = read(folder.path).description.processing
    again = read(folder.path / "s 4.fcs", features=["FSC-A", "CD3", "CD4"], like=fitted)
    np.testing.assert_array_equal(again.elements(0), read(folder.path).elements(4))
    with pytest.raises(InputError, match="compensate must be True"):
        read(folder.path, like=fitted, reading=Reading(compensate=False))
    with pytest.raises(InputError, match="cofactor must be 150"):
        read(folder.path, like=fitted, reading=Reading(cofactor=5))
    other = read(folder.path, reading=Reading(compensate=False))
    with pytest.raises(InputError, match="compensation is 'all'"):
        read(other, like=fitted)
    folder.add("bare.fcs")
    with pytest.raises(InputError, match=r"1 of 1 files have none: bare\.fcs"):
        read(folder.path / "bare.fcs", like=fitted)


def test_values_that_are_no_numbers(folder):
    x = events(0, 11)
    x[7, 1] = np.nan
    write_fcs(folder.path / "s 0.fcs", x, NAMES, labels=MARKERS, keywords={})
    with pytest.raises(InputError, match=r"s 0\.fcs.*'CD3' is nan in event 8.*--missing mask"):
        read(folder.path)
    store = read(folder.path, reading=Reading(missing="mask"))
    assert store.features == ("FSC-A", "CD3", "CD4", "CD3 (missing)")
    assert store.elements(0)[:, 3].tolist() == [0.0] * 7 + [1.0] + [0.0] * 3
    others = np.concatenate([store.elements(n)[:, 1] for n in range(5)])
    assert np.delete(others, 7).mean() == pytest.approx(others[7], rel=1e-6)
    again = read(folder.path, features=["FSC-A", "CD3", "CD4"], like=store.description.processing)
    np.testing.assert_array_equal(again.elements(0), store.elements(0))


def test_a_missing_value_reaches_only_the_channels_that_it_spills_into(folder):
    x = events(0, 11, 5)
    x[7, 0], x[8, 1], x[9, 2], x[9, 3] = np.nan, np.nan, np.inf, np.nan
    spill = "3,A,B,C,1,0.2,0,0,1,0,0,0.3,1"  # A and C spill into B
    path = write_fcs(folder.path / "s 0.fcs", x, list("ABCDE"), keywords={"SPILL": spill})
    store = read(path, features=list("ABCD"), reading=Reading(cofactor=0), strict=False)
    a, b, c, d = x[:, :4].astype(np.float64).T
    expected = np.stack([a, b - 0.2 * a - 0.3 * c, c, d], 1)
    np.testing.assert_allclose(store.elements(0), expected, rtol=1e-5)
    assert np.argwhere(np.isnan(store.elements(0))).tolist() == [[7, 0], [7, 1], [8, 1], [9, 3]]


def test_channels_that_setwise_added_are_features_only_when_named(folder, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    for number in range(5):
        original = open_fcs(folder.path / f"s {number}.fcs")
        once = copy_fcs(original, tmp_path / "once.fcs", {"predicted_pop": np.ones(original.events)})
        copy_fcs(open_fcs(once), copies / original.path.name, {"leave_one_out": np.ones(original.events)})
    store = read(copies)
    assert store.features == read(folder.path).features
    assert store.left_out["predicted_pop"] == store.left_out["leave_one_out"]
    assert store.left_out["predicted_pop"].startswith("setwise added it")
    assert read(copies, features=["CD3", "leave_one_out"]).features == ("CD3", "leave_one_out")
    assert read([*sorted(copies.iterdir())[:2], folder.path / "s 4.fcs"]).features == store.features


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_advice_can_be_followed(folder, value):
    fitted = read(folder.path).description.processing
    names = ["FSC-A", "CD3", "CD4"]
    x = events(0, 11)
    x[7, 0] = value
    odd = write_fcs(folder.path / "s 0.fcs", x, NAMES, labels=MARKERS, keywords={"SPILL": SPILL})
    masked = "" if value == np.inf else r", or mark what is missing \(--missing mask\)"
    with pytest.raises(InputError, match=rf"Drop such events, leave the channel out \(--features\){masked}\.$"):
        read(odd)
    with pytest.raises(InputError, match=r"in event 8\. Drop such events\.$"):
        read(odd, features=names, like=fitted)
    other = folder.add("s 1.fcs", labels=["", "CD3", "CD8", ""], SPILL=SPILL)
    skip = Reading(skip_bad=True)
    for source, like, reading, advice in [
        (folder.path, None, None, r"Name others or leave out the files that lack one \(--skip-bad\)"),
        (folder.path, fitted, None, r"Leave out the files that lack one \(--skip-bad\)"),
        (other, None, skip, "Name others"),
        (other, fitted, None, "Give files that have them"),
        (other, fitted, skip, "Give files that have them"),
    ]:
        with pytest.raises(InputError, match=rf"'CD4' is in . of . files?.*\. {advice}\.$"):
            read(source, features=names, like=like, reading=reading)
    with pytest.raises(InputError, match=r"'gate' is in 0 of 1 files.*\. Give files that have them\.$"):
        read(folder.path / "s 2.fcs", features=names, like=fitted, labels=["gate"])


def _rename(path):
    """Give the third channel the name of the second, which no writer of ours does."""
    path.write_bytes(path.read_bytes().replace(b"$P3N|dye [3]", b"$P3N|dye    "))


def test_two_channels_of_one_name(folder):
    folder.add("s 0.fcs", labels=["", "CD3", "CD3", ""], count=11, SPILL=SPILL)
    with pytest.raises(InputError, match="are all named 'CD3'"):
        read(folder.path, features=["CD3"])


def test_channels_that_share_their_only_name(folder):
    for number in range(5):
        folder.add(f"s {number}.fcs", seed=number, names=["FSC-A", "dye", "dye [3]", "Time"], labels=["", "", "", ""])
        _rename(folder.path / f"s {number}.fcs")
    with pytest.raises(InputError, match=r"channels 2 and 3 have the same \$PnN, 'dye'.*--features \"FSC-A\""):
        read(folder.path)
    assert read(folder.path, features=["FSC-A"]).features == ("FSC-A",)
    second = read(folder.path, features=["FSC-A", "dye [3]"], reading=Reading(cofactor=0))
    np.testing.assert_array_equal(second.elements(0), events(0)[:, [0, 2]])
    with pytest.raises(InputError, match=r"by its number, such as 'dye \[2\]'"):
        read(folder.path, features=["FSC-A", "dye"])
    inspected = read(folder.path, strict=False)
    assert inspected.features == ("FSC-A",)
    assert "have the same $PnN" in inspected.description.problems[0]


def test_what_a_file_says_wrongly_of_its_events_is_told(folder):
    path = folder.path / "s 3.fcs"
    path.write_bytes(path.read_bytes().replace(b"$TOT|17", b"$TOT|09"))
    store = read(folder.path)
    assert store.sizes.tolist() == [11, 13, 15, 17, 19]
    assert "s 3.fcs: $TOT says 9 events" in store.description.notes[0]
    assert "s 3.fcs: $TOT says 9 events" in read(folder.path, strict=False).description.problems[0]
    path.write_bytes(path.read_bytes().replace(b"$TOT|09", b"$TOT|99"))
    with pytest.raises(InputError, match="ignore-tot"):
        read(folder.path)
    assert read(folder.path, reading=Reading(ignore_tot=True)).sizes.tolist() == [11, 13, 15, 17, 19]


def test_channels_that_are_no_measurement(folder):
    names = ["FSC-A", "CD3", "batch", "pulse", "HDR-CE", "Time"]
    for number in range(5):
        x = events(number, 40, 6)
        x[:, 2], x[:, 3] = number, np.cumsum(1 + x[:, 3] / 100)
        write_fcs(folder.path / f"s {number}.fcs", x, names, keywords={"$P2TYPE": "Raw Fluorescence"})
    store = read(folder.path)
    assert store.features == ("FSC-A", "CD3")
    assert store.sets["batch"].to_pylist() == [0, 1, 2, 3, 4]
    assert "clock or a counter" in store.left_out["pulse"]
    assert {"HDR-CE", "Time"} <= set(store.left_out)
    named = read(folder.path, features=["CD3", "batch"])
    assert named.features == ("CD3", "batch")
    assert "'batch' is taken since it was named" in named.description.notes[0]
    fitted = store.description.processing
    assert read(folder.path, features=["CD3", "batch"], like=fitted).features == ("CD3", "batch")


def test_channels_that_fcs_32_says_measure_nothing(folder):
    path = folder.add("s 0.fcs", names=["FSC-A", "t", "gate", "Time"], labels=[""] * 4, S_CYT="x" * 60)
    text = path.read_bytes().replace(b"$CYT|" + b"x" * 60, b"$P2TYPE|Time|$P3TYPE|Classification|$CYT|" + b"x" * 22)
    path.write_bytes(text)
    assert read(path).features == ("FSC-A",)


_READ = """
import sys
from pathlib import Path
from setwise.readers.fcs import file
from setwise.readers.read import read
real = file.FcsFile.read
def slow(self, *a, **k):
    for piece in real(self, *a, **k):
        print("reading", flush=True)
        import time; time.sleep(30)
        yield piece
file.FcsFile.read = slow
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
read(Path(sys.argv[1]), store=sys.argv[2])
"""


def test_interrupted_in_the_middle_of_reading_nothing_is_left(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-c", _READ, str(folder.path), str(out / "x.arrow")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        assert list(out.iterdir())
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert not list(out.iterdir())


def test_a_matrix_without_names_is_of_the_channels_of_dyes(folder):
    named = read(folder.path)
    for path in folder.path.iterdir():
        path.unlink()
    for number in range(5):
        folder.add(f"s {number}.fcs", seed=number, count=11 + 2 * number, S_COMP="2,1,0.25,0.125,1")
    found = read(folder.path)
    np.testing.assert_array_equal(found.elements(3), named.elements(3))
    assert any("$COMP" in note for note in found.description.notes)
    for text, said in (("3,1,0,0,0,1,0,0,0,1", "is of 3"), ("2,0.5,0,0,1", "ones on its diagonal")):
        folder.add("s 0.fcs", seed=0, count=11, S_COMP=text)
        with pytest.raises(InputError, match=said):
            read(folder.path)


def test_keywords_and_channels_that_never_change_are_columns_of_the_sets(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        values = np.c_[rng.normal(100, 20, (9, 2)), np.full(9, number // 2)].astype(np.float32)
        more = {"PATIENT": f"p{number}", "DOSE": str(number / 2), "$SRC": "blood"} if number else {}
        write_fcs(tmp_path / f"{number}.fcs", values, ["A", "B", "batch"], keywords=more)
    store = read(tmp_path, reading=Reading(keywords=("patient", "DOSE", "src")))
    assert store.features == ("A", "B")
    assert store.sets["patient"].to_pylist() == [None, "p1", "p2", "p3", "p4", "p5"]
    assert store.sets["DOSE"].to_pylist() == [None, 0.5, 1, 1.5, 2, 2.5]
    assert store.sets["src"].to_pylist() == [None, *["blood"] * 5]
    assert store.sets["batch"].to_pylist() == [0, 0, 1, 1, 2, 2]
    assert any("batch: a column of the sets, and no feature" in note for note in store.description.notes)
    for strict in (True, False):
        with pytest.raises(InputError, match=r"none has 'group'. These differ between files: .*DOSE"):
            read(tmp_path, reading=Reading(keywords=("group",)), strict=strict)
    sets = pa.table({"file": [f"{n}.fcs" for n in range(6)], "batch": list("aabbcc")})
    assert read(tmp_path, sets=sets).sets["batch"].to_pylist() == list("aabbcc")
