"""Folders and patterns with one file per set, of arrays or tables."""

import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.runs.config import FitConfig
from setwise.runs.predict import predict
from setwise.store.inspect import summarise
from tests.fixtures.training import train

SIZES = (11, 1, 17, 5)
SKIP = Reading(skip_bad=True)


def _write(path, x):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, x)
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(x), path)
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            file["slide/features"] = x
            file["names"] = np.arange(3)
    else:
        frame = pd.DataFrame(x, columns=["a", "b", "c"])
        frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(
            path, index=False, sep="\t" if path.suffix == ".tsv" else ","
        )
    return path


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return [generator.normal(size=(size, 3)).astype(np.float32) for size in SIZES]


@pytest.fixture
def folder(tmp_path, arrays):
    """A function that writes the arrays into a folder, one file each."""

    def write(suffix):
        for number, x in enumerate(arrays):
            _write(tmp_path / "slides" / f"p{number}{suffix}", x)
        return tmp_path / "slides"

    return write


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".h5", ".csv", ".csv.gz", ".tsv", ".parquet"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_every_format(folder, arrays, tmp_path, suffix, on_disk):
    path = folder(suffix)
    (path / f".hidden{suffix}").write_text("not read")
    store = read(path, store=tmp_path / "s.arrow" if on_disk else None)
    assert store.set_ids == ["p0", "p1", "p2", "p3"]
    assert store.sizes.tolist() == list(SIZES)
    assert store.features == (
        ("a", "b", "c") if suffix in (".tsv", ".parquet") or "csv" in suffix else ("x0", "x1", "x2")
    )
    for row, x in enumerate(arrays):
        np.testing.assert_allclose(store.elements(row), x, rtol=1e-6)
    assert read(path / f"*{suffix}").fingerprint == store.fingerprint
    assert len(read([path / f"p{n}{suffix}" for n in (2, 0)])) == 2


def test_sets_are_named_by_the_table_or_by_their_files(folder, arrays):
    path = folder(".npy")
    _write(path / "more" / "p7.npy", arrays[0])
    named = read(path, sets={"set_id": ["more/p7", "p3", "p1.npy", "p0", "p2"], "y": range(5)})
    assert named.set_ids == ["more/p7", "p3", "p1.npy", "p0", "p2"]
    np.testing.assert_array_equal(named.elements(1), arrays[3])
    table = {"set_id": list("edcba"), "slide": ["p0.npy", "p1", "p2", "p3", "p7"]}
    by_column = read(path, sets=table, reading=Reading(file_column="slide"))
    assert by_column.set_ids == list("edcba")
    np.testing.assert_array_equal(by_column.elements(4), arrays[0])
    assert read(path).set_ids == ["more/p7", "p0", "p1", "p2", "p3"]
    with pytest.raises(InputError, match="names none of the 5 files of one set each"):
        read(path, sets={"set_id": ["a"]})
    with pytest.raises(InputError, match=r"1 below .* have none .*: p3\.npy"):
        read(path, sets={"set_id": ["more/p7", "p0", "p1", "p2"]})
    left = read(path, sets={"set_id": ["p0", "p9"]}, reading=SKIP)
    assert left.set_ids == ["p0"]
    assert set(left.description.skipped) == {"p9", "more/p7.npy", "p1.npy", "p2.npy", "p3.npy"}


def test_the_table_of_sets_may_lie_in_the_folder(folder):
    path = folder(".csv")
    sets = path / "sets.csv"
    pd.DataFrame({"set_id": ["p0", "p1", "p2", "p3"], "y": range(4)}).to_csv(sets, index=False)
    assert read(path, sets=sets).sets["y"].to_pylist() == [0, 1, 2, 3]
    path = folder(".npy")
    with pytest.raises(InputError, match=r"of one format, .*5 \.csv .*4 \.npy .*such as '.*\*\.csv'.* with --sets"):
        read(path)
    assert len(read(path / "*.npy")) == 4


def test_features_labels_and_types_of_tables(tmp_path):
    frames = [
        pd.DataFrame({"b": [1.5, 2.5], "a": [1, 2], "kind": ["x", "y"], "gap": [None, None]}),
        pd.DataFrame({"a": [0.5, 7.0], "kind": ["y", None], "b": [3, 4], "gap": [1.0, 2.0]}),
    ]
    for number, frame in enumerate(frames):
        frame.to_csv(tmp_path / f"{number}.csv", index=False)
    store = read(tmp_path, features=["a", "b"], labels=["kind"])
    assert store.features == ("a", "b")
    np.testing.assert_array_equal(store.elements(1), [[0.5, 3], [7, 4]])
    assert store.labels["kind"].to_pylist() == ["x", "y", "y", None]
    assert store.left_out["kind"].startswith("it is a label")
    with pytest.raises(InputError, match=r"'gap' is missing in row 1 of 0\.csv \(set '0'\)"):
        read(tmp_path)
    masked = read(tmp_path, reading=Reading(missing="mask"))
    assert masked.features == ("b", "a", "gap", "gap (missing)")
    assert masked.elements(0)[:, 2:].tolist() == [[1.5, 1], [1.5, 1]]
    frames[1].assign(a=["1", "oops"]).to_csv(tmp_path / "1.csv", index=False)
    with pytest.raises(InputError, match=r"column 'a' must hold numbers; row 2 of 1\.csv holds 'oops'"):
        read(tmp_path)
    with pytest.raises(
        InputError, match=r"a\.npy has no labels 'kind'; labels .* are arrays with one value for each, and it has none"
    ):
        read(_write(tmp_path / "n" / "a.npy", np.ones((3, 2))).parent, labels=["kind"])


def test_files_of_other_features_are_told_by_name(folder, arrays):
    path = folder(".csv")
    pd.DataFrame(arrays[0], columns=["a", "b", "d"]).to_csv(path / "p4.csv", index=False)
    with pytest.raises(InputError, match=r"same columns, a, b, c as in p0\.csv; p4\.csv lacks c and has d\. Name"):
        read(path)
    assert read(path, features=["b", "a"]).features == ("b", "a")
    with pytest.raises(InputError, match=r"same columns, a, c as in p0\.csv; p4\.csv lacks c\."):
        read(path, features=["a", "c"])
    _write(path / "n" / "a.npy", np.ones((3, 2)))
    _write(path / "n" / "b.npy", np.ones((3, 5)))
    with pytest.raises(
        InputError, match=r"in every file, \(2,\) of float64 as in a\.npy; b\.npy has \(5,\) of float64"
    ):
        read(path / "n")


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".h5", ".csv", ".parquet"])
def test_empty_and_damaged_files(folder, arrays, suffix):
    path = folder(suffix)
    _write(path / f"p5{suffix}", arrays[0][:0])
    with pytest.raises(InputError, match=rf"p5{suffix} must have at least one element.*--skip-bad"):
        read(path)
    (path / f"p5{suffix}").write_bytes(b"" if suffix == ".csv" else b"no such file \x80" * 5)
    with pytest.raises(InputError, match=rf"p5{suffix} (cannot be read|is no file of torch\.save)"):
        read(path)
    left = read(path, reading=SKIP)
    assert left.set_ids == ["p0", "p1", "p2", "p3"]
    assert list(left.description.skipped) == ["p5"]
    assert any(f"p5{suffix}" in problem for problem in summarise(read(path, strict=False)).problems)
    for number in range(4):
        (path / f"p{number}{suffix}").unlink()
    with pytest.raises(InputError, match="none of the 1 files of one set each can be read"):
        read(path, reading=SKIP)


class _Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_in_a_file_is_executed(tmp_path):
    torch.save({"x": torch.ones(3, 2), "y": _Code(tmp_path / "made")}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt .*holds more than tensors, which would have to be executed"):
        read(tmp_path / "a.pt")
    (tmp_path / "a.pt").write_bytes(pickle.dumps(_Code(tmp_path / "made"), protocol=4))
    with pytest.raises(InputError, match=r"a\.pt is no file of torch\.save"):
        read(tmp_path / "a.pt")
    np.save(tmp_path / "a.npy", np.array([_Code(tmp_path / "made")], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy cannot be read"):
        read(tmp_path / "a.npy")
    assert not (tmp_path / "made").exists()


def test_of_several_arrays_in_a_file_none_is_guessed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["first"], file["second"] = np.ones((3, 5)), np.ones((3, 2))
    with pytest.raises(InputError, match=r"one array of elements .* it holds first \(3, 5\), second \(3, 2\)\. Keep"):
        read(tmp_path)
    old = {"_use_new_zipfile_serialization": False}  # as torch wrote before 1.6
    torch.save({"x": torch.ones(3, 2), "note": "text"}, tmp_path / "b.pt", **old)
    assert read(tmp_path / "b.pt").sizes.tolist() == [3]
    torch.save([torch.ones(3, 2)], tmp_path / "b.pt")
    with pytest.raises(InputError, match="must hold one array of elements"):
        read(tmp_path / "b.pt")
    torch.save(torch.ones(3, 2, dtype=torch.bfloat16), tmp_path / "b.pt")
    assert read(tmp_path / "b.pt").elements(0).tolist() == [[1, 1]] * 3


def test_images_categories_and_values_that_are_not_finite(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    _write(tmp_path / "images" / "a.npy", images)
    np.testing.assert_array_equal(read(tmp_path / "images").elements(0), images)
    _write(tmp_path / "kinds" / "a.npy", np.arange(5))
    assert read(tmp_path / "kinds").shape == ()
    _write(tmp_path / "bad" / "a.npy", np.ones((3, 2)))
    _write(tmp_path / "bad" / "b.npy", np.array([[1.0, 2.0], [np.nan, 1.0]]))
    with pytest.raises(InputError, match="element 1 of set 'b' holds NaN"):
        read(tmp_path / "bad")
    assert read(tmp_path / "bad", reading=Reading(missing="mask")).features == ("x0", "x1", "x0 (missing)")
    assert np.isnan(read(tmp_path / "bad", strict=False).elements(1)).any()


def test_names_of_sets_that_are_no_names(folder, arrays):
    path = folder(".csv")
    _write(path / "p0.csv.gz", arrays[0])
    with pytest.raises(InputError, match=r"p0\.csv and p0\.csv\.gz are both set 'p0'"):
        read(path)
    (path / "p0.csv.gz").unlink()
    frame = pd.DataFrame(arrays[0], columns=["a", "b", "c"])
    frame.assign(set_id="s").to_csv(path / "p0.csv", index=False)
    with pytest.raises(InputError, match=r"rows 1 and 2 .* both name p0\.csv"):
        read(path, sets={"set_id": ["p0", "p0", "p1", "p2", "p3"]})
    assert read(path).features == ("a", "b", "c")
    frame.assign(set_id=["s", *"t" * 10]).to_csv(path / "p0.csv", index=False)
    with pytest.raises(InputError, match=r"p0\.csv must hold one set, and has 2 in column 'set_id'"):
        read(path)


def test_elements_are_kept_once_and_files_are_read_in_pieces(tmp_path, monkeypatch, arrays):
    monkeypatch.setattr("setwise.readers.folders.arrays._BYTES", 60)
    monkeypatch.setattr("setwise.readers.folders.tables.BLOCK", 1)  # CSV files are streamed
    monkeypatch.setattr("setwise.store.spill.free_memory", lambda: 64)  # elements lie in a file
    for suffix in (".npy", ".h5", ".csv"):
        for number, x in enumerate(arrays):
            _write(tmp_path / suffix / f"{number}{suffix}", x)
        store = read(tmp_path / suffix)
        np.testing.assert_allclose(store.elements(2), arrays[2], rtol=1e-6)


def test_a_run_of_tables_finds_its_columns_by_name(tmp_path):
    generator = np.random.default_rng(0)
    sets = {"set_id": [f"p{n:02d}" for n in range(20)], "y": generator.uniform(1, 3, 20)}
    for name, scale in zip(sets["set_id"], sets["y"], strict=True):
        frame = pd.DataFrame(generator.normal(0, scale, (7, 2)), columns=["a", "b"])
        for folder, columns in (("old", ["a", "b"]), ("new", ["b", "more", "a"])):
            (tmp_path / folder).mkdir(exist_ok=True)
            frame.assign(more=1.5)[columns].to_csv(tmp_path / folder / f"{name}.csv", index=False)
    store = read(tmp_path / "old", sets=sets)
    run = train(store, targets=["y"], model_choices={"depth": 2, "width": 8}, config=FitConfig(epochs=1))
    expected = predict(run, store)["predicted_y"].to_numpy()
    found = predict(run, Path(tmp_path / "new"))
    assert found["set_id"].to_pylist() == sets["set_id"]
    np.testing.assert_allclose(found["predicted_y"].to_numpy(), expected, rtol=1e-6)
    with pytest.raises(InputError, match=r"tree \(--tree\) is a choice for ROOT files"):
        predict(run, tmp_path / "new", reading=Reading(tree="x"))
