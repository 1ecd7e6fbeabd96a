"""Names of files in a table of sets that are written otherwise than the files, and links in folders."""

import numpy as np
import pandas as pd
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
    assert "gone" in read(data, reading=SKIP).description.skipped


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
