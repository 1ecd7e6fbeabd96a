"""Bad input: an error that says where, and nothing left behind."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read


def columns(**changed):
    return pa.table({"set_id": ["a"] * 3 + ["b"] * 4, "x": [1.0, 5.0, 2.0, 7.0, 3.0, 4.0, 6.0]} | changed)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "arrow", "h5", "csv.gz"])
def test_missing_and_unreadable_files(tmp_path, suffix):
    path = tmp_path / f"e.{suffix}"
    with pytest.raises(InputError, match=r"there is no file .*e"):
        read(path)
    path.write_bytes(b"\x00\xff\xfe no table \x80" * 50)
    with pytest.raises(InputError, match="e"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="e"):
        read(path)


@pytest.mark.parametrize("name", ["e.parquet", "e.arrow", "e.csv.gz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("on_disk", [False, True])
def test_truncated_files(write, tmp_path, name, share, on_disk):
    generator = np.random.default_rng(0)
    path = write(pa.table({"set_id": ["a"] * 5000, "x": generator.normal(size=5000)}), name)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"cannot be read|is damaged"):
        read(path, store=tmp_path / "s.arrow" if on_disk else None)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "sign", "message"),
    [
        ("e.csv", ";", "csv file must be separated by ','; .* by ';'. Save it with ',' .* points for decimal commas"),
        ("e.csv.gz", "\t", "csv file must be separated by ','; .* by tabs. Give the file the suffix .tsv"),
        ("e.tsv", ",", "tsv file must be separated by tabs; .* by ','. Give the file the suffix .csv"),
        ("e.tab", ";", "tab file must be separated by tabs; .* by ';'. Save it with tabs"),
    ],
)
def test_fields_separated_by_another_sign(tmp_path, name, sign, message):
    path = tmp_path / name
    lines = ["\ufeffset_id;x;y", "a;0,5;1", "b;1,5;2"]
    with pa.output_stream(str(path)) as sink:
        sink.write("\r\n".join(lines).replace(";", sign).encode())
    for store in (None, tmp_path / "s.arrow"):
        with pytest.raises(InputError, match=message):
            read(path, store=store)
    with pytest.raises(InputError, match=message):
        read(columns(), sets=path)


def test_a_truncated_csv_file(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("set_id,x,y\na,1,2\na,3,5\nb,4")
    for store in (None, tmp_path / "s.arrow"):
        with pytest.raises(InputError, match=r"cannot be read.*Expected 3 columns, got 2"):
            read(path, store=store)


def test_folders_and_unknown_suffixes(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)
    (tmp_path / "e.xlsx").write_text("x")
    with pytest.raises(InputError, match="no suffix that tells"):
        read(tmp_path / "e.xlsx")


def test_no_such_column():
    with pytest.raises(InputError, match="no column 'patient'; it has set_id, x"):
        read(columns(), set_id="patient")
    with pytest.raises(InputError, match="no column 'z'; it has set_id, x"):
        read(columns(), features=["x", "z"])
    with pytest.raises(InputError, match="table of sets has no column 'set_id'; it has name"):
        read(columns(), sets=pa.table({"name": ["a", "b"]}))
    with pytest.raises(InputError, match="is there twice"):
        read(pa.table([[1], [2.0], [3.0]], names=["set_id", "x", "x"]))
    with pytest.raises(InputError, match="distinct columns"):
        read(columns(), features=["x", "x"])


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("row", [2, 6, 5000])
def test_text_in_a_feature_column(tmp_path, monkeypatch, on_disk, row):
    monkeypatch.setattr("setwise.store.tables.BLOCK", 256)
    lines = [f"{'ab'[i % 2]},{i % 7}.5,{i % 11}" for i in range(5003)]
    lines[row - 1] = "a,oops,5"
    path = tmp_path / "e.csv"
    path.write_text("set_id,x,y\n" + "\n".join(lines))
    store = tmp_path / "s.arrow" if on_disk else None
    with pytest.raises(InputError, match=rf"e\.csv: column 'x' must hold numbers; row {row} holds 'oops'"):
        read(path, store=store)
    assert read(path, features=["y"], store=store).features == ("y",)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_numbers_stored_as_text(write, kind):
    texts = pa.array([str(x) for x in range(7)])
    with pytest.raises(InputError, match="'x' holds numbers stored as text"):
        read(write(columns(x=texts), f"e.{kind}"))
    with pytest.raises(InputError, match="'x' must hold numbers; row 3 holds 'high'"):
        read(columns(x=pa.array(["1", None, "high", "2", "3", "4", "1e5"])))
    with pytest.raises(InputError, match="row 1 holds 'red'"):
        read(columns(colour=["red"] * 7), features=["colour"])
    store = read(columns(colour=["red", "blue", None, "red", "3", "red", "red"]))
    assert store.left_out == {"colour": "it holds text"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "is missing"), (np.nan, "is (nan|missing)"), (-np.inf, "is -inf"), (1e300, "too large for float32")],
)
def test_missing_and_infinite_values(write, tmp_path, suffix, on_disk, value, message):
    x = pa.array([1.0, 5.0, 2.0, 7.0, 3.0, value, 6.0])
    path = write(columns(x=x), f"e.{suffix}")
    with pytest.raises(InputError, match=rf"'x' .*{message}.*in row 6 \(set 'b'\)"):
        read(path, store=tmp_path / "s.arrow" if on_disk else None)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    lenient = read(path, strict=False)
    assert not np.isfinite(lenient.elements(1)).all()
    with pytest.raises(InputError, match="set 'b' holds NaN"):
        lenient.batch([0, 1])


@pytest.mark.parametrize("name", [None, "", "  "])
def test_rows_without_a_name(name):
    with pytest.raises(InputError, match="'set_id' is empty in row 3"):
        read(columns(set_id=["a", "a", name, "b", "b", "b", "b"]))
    with pytest.raises(InputError, match=r"table of sets.*empty in row 2"):
        read(columns(), sets={"set_id": ["a", name, "b"]})
    with pytest.raises(InputError, match=r"NaN|empty in row 2"):
        read(pa.table({"set_id": [1.0, np.nan], "x": [1.0, 2.0]}))


def test_sets_in_one_table_only():
    with pytest.raises(InputError, match="1 of 2 sets with elements have none: 'b'"):
        read(columns(), sets={"set_id": ["a"]})
    with pytest.raises(InputError, match="2 of 4 sets have none: 'c', 'd'"):
        read(columns(), sets={"set_id": ["a", "b", "c", "d"]})
    with pytest.raises(InputError, match="set 'a' has rows 1 and 3"):
        read(columns(), sets={"set_id": ["a", "b", "a"]})
    store = read(columns(), sets={"set_id": ["a", "c", "a"], "y": [1, 2, 3]}, strict=False)
    assert store.set_ids == ["a", "b"]
    assert store.sets["y"].to_pylist() == [1, None]
    assert len(store.description.problems) == 3


def test_empty_tables(write):
    for name in ("e.csv", "e.parquet", "e.arrow"):
        with pytest.raises(InputError, match=r"has no rows|is empty"):
            read(write(columns().slice(0, 0), name))


def test_arrays_that_do_not_fit():
    for arrays, message in (
        ([np.ones((3, 2)), np.ones((0, 2))], "set '1' has none"),
        ([np.ones((3, 2)), np.ones((3, 5))], r"set '1' has \(5,\)"),
        ([np.ones((3, 2)), np.array([[1.0, np.nan]])], "element 0 of set '1' holds NaN"),
        ([np.array([["a"]])], "must hold numbers"),
        ([[[1, 2], [3]]], "array of numbers"),
        ([np.float64(3)], "at least one element"),
        ([np.ones((3, 0))], "at least one feature"),
    ):
        with pytest.raises(InputError, match=message):
            read(arrays)
    with pytest.raises(InputError, match="name 2 columns"):
        read([np.ones((3, 2))], features=["x"])
    with pytest.raises(InputError, match="a row for each of the 1 arrays; it has 2"):
        read([np.ones((3, 2))], sets={"y": [1, 2]})


def test_bytes_that_are_no_utf8(tmp_path):
    path = tmp_path / "e.csv"
    path.write_bytes("set_id,x\nMüller,1\nMüller,2\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read(path)
    path.write_bytes("set_id,x\nMüller,1\nMüller,2\n".encode("utf-8-sig"))
    assert read(path).set_ids == ["Müller"]
    sets = tmp_path / "s.csv"
    sets.write_bytes("set_id,kind\nMuller,kränk\n".encode("latin-1"))
    path.write_text("set_id,x\nMuller,1\nMuller,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="column 'kind' is no text in UTF-8"):
        read(path, sets=sets)


def test_text_of_a_nested_table_that_is_no_utf8(write):
    text = pa.Array.from_buffers(pa.string(), 1, pa.array([b"M\xfcller"], pa.binary()).buffers())
    sets = pa.table({"set_id": ["a"], "kind": text, "x": [[1.0, 2.0]]})
    with pytest.raises(InputError, match=r"e\.parquet cannot be read: .*Invalid UTF8.*UTF-8"):
        read(write(sets, "e.parquet"))
    with pytest.raises(InputError, match=r"table of sets cannot be read: .*Invalid UTF8"):
        read(columns(), sets=sets.select(["set_id", "kind"]))


def test_the_folder_of_the_store_is_missing(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        read(columns(), store=tmp_path / "none" / "s.arrow")


_FULL = """
import resource, sys
import numpy as np
from setwise._checks import InputError
from setwise.readers.read import read
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
arrays = [np.ones((50_000, 3), np.float32)]
try:
    read(arrays, store=sys.argv[1])
except InputError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more(tmp_path):
    path = tmp_path / "s.arrow"
    done = subprocess.run([sys.executable, "-c", _FULL, path], capture_output=True, text=True, check=False)
    assert "could not be written: File too large" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_cannot_be_written_to(tmp_path):
    (tmp_path / f".s.arrow.{os.getpid()}.partial").mkdir()
    with pytest.raises(InputError, match=r"s\.arrow could not be written.*Is a directory"):
        read(columns(), store=tmp_path / "s.arrow")
    assert not (tmp_path / "s.arrow").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="could not be written: Permission denied"):
        read(columns(), store=tmp_path / "s.arrow")
