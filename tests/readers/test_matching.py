"""Names of files in a table of sets that are written otherwise than the files, and links in folders."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading

SKIP = Reading(skip_bad=True)


@pytest.fixture(params=[".npy", ".csv", ".fcs"])
def folder(tmp_path, request):
    """A folder with three sets of 2, 3 and 5 elements, two of them in folders of their own."""
    for number, name in enumerate(["P0", "a/p1", "b/p2"]):
        path = tmp_path / "files" / f"{name}{request.param}"
        path.parent.mkdir(parents=True, exist_ok=True)
        x = np.random.default_rng(number).normal(size=((2, 3, 5)[number], 2)).astype(np.float32)
        if request.param == ".npy":
            np.save(path, x)
        elif request.param == ".csv":
            pd.DataFrame(x, columns=["u", "v"]).to_csv(path, index=False)
        else:
            write_fcs(path, x, ["u", "v"])
    return tmp_path / "files"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["P0", "a/p1", "b/p2"], None),
        ([r"D:\run 1\P0{}", r"D:\run 1\a\p1{}", r"E:\b\p2{}"], "by the last parts of their paths"),
        (["/other/P0", "p1", "./b/p2{}"], "by the last parts of their paths"),
        (["p0", "A/P1", "P2"], "in other capitals"),
        ([r"C:\P0.svs", "p1.tiff", "p2"], "without their suffix"),
    ],
)
def test_names_match_by_ever_looser_readings(folder, names, words):
    suffix = next(folder.glob("P0.*")).suffix
    table = {"slide": [name.format(suffix) for name in names][::-1], "y": [5, 3, 2]}
    store = read(folder, sets=table, reading=Reading(file_column="slide"))
    assert store.sizes.tolist() == store.sets["y"].to_pylist() == [5, 3, 2]
    said = [note for note in store.description.notes if "matched" in note]
    assert not said if words is None else words in said[0]


def test_of_several_files_none_is_guessed(tmp_path):
    for name in ("a/p", "b/p", "Q", "q"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / f"{name}.npy", np.ones((2, 2)))
    by_file = Reading(file_column="f")
    with pytest.raises(InputError, match=r"'x/p.npy' in row 1 is the name of 2 files: a/p.npy, b/p.npy\. Write"):
        read(tmp_path, sets={"f": ["x/p.npy"]}, reading=by_file)
    with pytest.raises(InputError, match=r"rows 1 and 2 of column 'f' both name p\.npy"):
        read(tmp_path, sets={"f": ["x/a/p", "y/a/p"]}, reading=by_file)
    exact_first = {"f": ["q", "Q", "a/p.npy", "c/b/p.npy"]}
    assert read(tmp_path, sets=exact_first, reading=by_file).set_ids == ["q", "Q", "a/p", "b/p"]
    with pytest.raises(InputError, match=r"column 'f' is empty in row 2"):
        read(tmp_path, sets={"f": ["q", " "]}, reading=by_file)
    with pytest.raises(InputError, match=r"names none of the 4 files .* or write the names as the files have them"):
        read(tmp_path, sets={"f": ["z"]}, reading=by_file)
    whole = {"f": [str(tmp_path / "a" / ".." / "a" / "p.npy"), str(tmp_path / "q.npy"), "Q", "b/p"]}
    assert read(tmp_path, sets=whole, reading=by_file).set_ids == ["a/p", "q", "Q", "b/p"]  # paths of this computer


def test_links_and_loops_in_folders(tmp_path):
    data, other = tmp_path / "data", tmp_path / "other"
    for path in (data / "p0.npy", data / "in" / "p1.npy", other / "p2.npy"):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.ones((2, 2)))
    (data / "loop").symlink_to(data)
    (data / "in" / "up").symlink_to(tmp_path)
    (data / "far").symlink_to(other)
    (data / "again.npy").symlink_to(data / "p0.npy")
    store = read(data)
    assert store.set_ids == ["far/p2", "in/p1", "p0"]
    assert store.description.skipped == {"again.npy": "it is a link to p0.npy"}
    (data / "gone.npy").symlink_to(data / "nothing.npy")
    with pytest.raises(InputError, match=r"gone\.npy cannot be read"):
        read(data)
    (data / "itself.npy").symlink_to("itself.npy")
    assert {"gone", "itself"} <= set(read(data, reading=SKIP).description.skipped)


def test_files_that_vanish_are_told(tmp_path, monkeypatch):
    from setwise.readers.folders import arrays

    np.save(tmp_path / "p0.npy", np.ones((2, 2)))
    np.save(tmp_path / "p1.npy", np.ones((2, 2)))
    look = arrays._look

    def looked(path, **more):
        found = look(path, **more)
        path.unlink()
        return found

    monkeypatch.setattr(arrays, "_look", looked)
    with pytest.raises(InputError, match=r"p0\.npy cannot be read: .*No such file"):
        read(tmp_path)


def test_the_only_column_that_names_a_file_in_every_row_is_found(folder):
    table = {"patient": ["x", "y", "z"], "slide": ["p2", "P0", "p1"], "y": [5, 2, 3]}
    store = read(folder, sets=table)
    assert store.sizes.tolist() == store.sets["y"].to_pylist() == [5, 2, 3]
    for columns in ({"again": ["p2", "P0", "p1"]}, {"slide": ["p2", "P0", "gone"]}):
        with pytest.raises(InputError, match=r"must have a column that names the file of each set; .*--file-column"):
            read(folder, sets=table | columns)


def test_the_folder_is_a_column_of_the_sets(folder):
    store = read(folder)
    assert dict(zip(store.set_ids, store.sets["folder"].to_pylist(), strict=True)) in (
        {"P0": ".", "a/p1": "a", "b/p2": "b"},
        {"P0.fcs": ".", "a/p1.fcs": "a", "b/p2.fcs": "b"},
    )
    assert "folder" not in read(folder / "a").sets.column_names


@pytest.mark.parametrize("suffix", [".fcs"])
def test_a_folder_of_several_formats_is_refused(tmp_path, suffix):
    write_fcs(tmp_path / f"a{suffix}", np.ones((3, 2)), ["u", "v"])
    (tmp_path / "b.root").write_bytes(b"root")
    with pytest.raises(
        InputError, match=r"must have files of one format; it has 1 \.root, 1 \.fcs\. Name .* by a pattern"
    ):
        read(tmp_path)
    assert len(read(tmp_path / "*.fcs")) == 1


def test_patterns_of_features(tmp_path):
    write_fcs(
        tmp_path / "a.fcs", np.random.default_rng(0).normal(size=(5, 3)), ["A", "B", "C"], labels=["CD3", "CD4", "x"]
    )
    assert read(tmp_path / "a.fcs", features=["CD*"]).features == ("CD3", "CD4")
    frame = pd.DataFrame(
        {"set_id": ["p", "q", "q"], "jet_pt": [1.0, 5.0, 2.0], "jet_eta": [3.0, 1.0, 7.0], "mu": [1.0, 7.0, 2.0]}
    )
    store = read(frame, features=["jet_*"])
    assert store.features == ("jet_pt", "jet_eta")
    assert store.left_out == {"mu": "it was not named"}
    with pytest.raises(InputError, match=r"no feature matches 'el_\*'; there are jet_pt, jet_eta, mu"):
        read(frame, features=["el_*"])
    nested = {"set_id": ["p", "q"], "v": [[[1.0, 2.0]], [[3.0, 5.0], [7.0, 1.0]]], "w": [[[1.0]], [[2.0], [5.0]]]}
    table = pa.table(nested)
    assert read(table, features=["v"]).features == ("v_0", "v_1")
    assert read(table, features=["w", "v_1"]).features == ("w_0", "v_1")
    assert read(table, features=["v_1"]).left_out == {"w": "it was not named", "v_0": "it was not named"}
