"""FCS files that are written read back the same, by ours and by flowio."""

import numpy as np
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.write import copy_fcs, write_fcs


def _events(count=101, channels=3):
    return np.random.default_rng(0).normal(0, 1e4, (count, channels)).astype(np.float32)


def test_reads_back_the_same(tmp_path):
    x = _events()
    path = write_fcs(tmp_path / "a.fcs", x, ["FSC-A", "FITC-A", "Grün|A"], labels=["", "CD3", "CD4"])
    file = open_fcs(path)
    assert file.version == "FCS3.1"
    assert [c.name for c in file.channels] == ["FSC-A", "FITC-A", "Grün|A"]
    assert [c.label for c in file.channels] == ["", "CD3", "CD4"]
    np.testing.assert_array_equal(np.concatenate(list(file.read(16))), x)


def test_flowio_reads_it(tmp_path):
    flowio = pytest.importorskip("flowio")
    x = _events()
    path = write_fcs(tmp_path / "a.fcs", x, ["FSC-A", "FITC-A", "PE-A"], keywords={"$CYT": "Aria", "$TOT": "7"})
    read = flowio.FlowData(str(path))
    assert (read.event_count, read.pnn_labels, read.text["cyt"]) == (101, ["FSC-A", "FITC-A", "PE-A"], "Aria")
    np.testing.assert_array_equal(read.as_array(preprocess=False), x)


def test_a_copy_has_the_events_the_keywords_and_the_new_channel(tmp_path):
    x = _events()
    spill = "2,A,B,1,0.25,0.5,1"
    names = ["A", "B", "T"]
    path = write_fcs(tmp_path / "a.fcs", x, names, labels=["CD3", "", ""], keywords={"SPILL": spill, "GUID": "g"})
    score = np.linspace(-1, 1, 101)
    copy = open_fcs(copy_fcs(open_fcs(path), tmp_path / "b.fcs", {"score": score}))
    assert [c.name for c in copy.channels] == [*names, "score"]
    assert copy.channels[0].label == "CD3"
    assert (copy.keywords["SPILL"], copy.keywords["GUID"]) == (spill, "g")
    events = next(copy.read())
    np.testing.assert_array_equal(events[:, :3], x)
    np.testing.assert_array_equal(events[:, 3], score.astype(np.float32))


@pytest.mark.parametrize("names", [["A", "A"], ["A", ""], ["A", "B,C"]])
def test_names_that_no_file_can_have(tmp_path, names):
    with pytest.raises(InputError, match="names of channels"):
        write_fcs(tmp_path / "a.fcs", np.ones((2, 2)), names)
    assert not list(tmp_path.iterdir())


def test_a_score_for_each_event(tmp_path):
    path = write_fcs(tmp_path / "a.fcs", _events(), ["A", "B", "C"])
    with pytest.raises(InputError, match="each of 101 events"):
        copy_fcs(open_fcs(path), tmp_path / "b.fcs", {"score": np.ones(7)})
    with pytest.raises(InputError, match="is the original"):
        copy_fcs(open_fcs(path), path, {"score": np.ones(101)})


def test_files_beyond_what_the_header_can_say(tmp_path):
    piece = _events(1 << 19, 5)
    path = write_fcs(tmp_path / "a.fcs", (piece for _ in range(10)), list("ABCDE"), total=10 * len(piece))
    assert path.stat().st_size > 99_999_999
    assert path.read_bytes()[26:42].split() == [b"0", b"0"]
    file = open_fcs(path)
    assert file.events == 10 * len(piece)
    np.testing.assert_array_equal(next(file.read(13)), piece[:8])
