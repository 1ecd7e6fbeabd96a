"""Mangled tables: either an error in plain words, or exactly what the file says."""

import csv
import io
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.inspect import summarise
from setwise.store.store import SetStore

MISSING = {"", "NA", "N/A", "NaN", "nan", "NULL", "null"}
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=5).filter(lambda s: s.strip())
VALUES = st.floats(width=32, allow_nan=False, allow_infinity=False)
FEW = settings(max_examples=150, deadline=None)


def store_or_none(source, **arguments):
    """Return what `read` returns; none where it refuses in plain words."""
    try:
        return read(source, **arguments)
    except InputError as error:
        message = str(error)
    assert message.endswith((".", "?")), message
    return None


@given(
    rows=st.lists(st.tuples(NAMES, VALUES, VALUES), min_size=1, max_size=40),
    form=st.sampled_from([".csv", ".tsv", ".parquet", "table"]),
    stream=st.booleans(),
    batch=st.integers(1, 9),
)
@FEW
def test_what_is_written_is_read(rows, form, stream, batch):
    names, u, v = (list(column) for column in zip(*rows, strict=True))
    expected: dict[str, list] = {}
    for name, *values in rows:
        expected.setdefault(name.strip(), []).append(values)
    with tempfile.TemporaryDirectory() as folder, patch("setwise.store.tables.ROWS", batch):
        source = pa.table({"set_id": names, "u": u, "v": v})
        if form != "table":
            path = Path(folder, "e").with_suffix(form)
            if form == ".parquet":
                pq.write_table(source, path)
            else:
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file, delimiter="," if form == ".csv" else "\t")
                    writer.writerows([("set_id", "u", "v"), *rows])
            source = path
        store = store_or_none(source, features=["u", "v"], store=Path(folder, "s.arrow") if stream else None)
        if store is None:
            assert len({float(n) for n in expected if n.replace(".", "").isdecimal()}) < len(expected)
            return
        for found, (name, values) in zip(store.set_ids, expected.items(), strict=True):
            assert found == name or float(found) == float(name)
            np.testing.assert_array_equal(store.elements(store.set_ids.index(found)), np.array(values, np.float32))


CELLS = st.sampled_from(
    ["", "NA", "nan", "inf", "-1e400", "1e39", "oops", "1,5", "0x10", '"', "7", "2.5", " 3", "a", "\u0661"]
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("cell"), st.integers(0, 200), CELLS),
        st.tuples(st.just("cut"), st.integers(0, 200), st.just("")),
        st.tuples(
            st.just("put"), st.integers(0, 200), st.sampled_from([",", "\n", '"', "\r", "\x00", ";", "é", "\ufeff"])
        ),
        st.tuples(st.just("drop"), st.integers(0, 200), st.just("")),
        st.tuples(st.just("end"), st.integers(0, 200), st.just("")),
    ),
    min_size=1,
    max_size=3,
)


def mangle(text, edits):
    for what, place, new in edits:
        if what == "cell":
            lines = text.split("\n")
            cells = lines[place % len(lines)].split(",")
            cells[place % len(cells)] = new
            lines[place % len(lines)] = ",".join(cells)
            text = "\n".join(lines)
        elif what == "drop":
            lines = text.split("\n")
            del lines[place % len(lines)]
            text = "\n".join(lines)
        else:
            place %= len(text) + 1
            rest = "" if what == "end" else text[place + (what == "cut") :]
            text = text[:place] + (new if what == "put" else "") + rest
    return text


def rows_of(text):
    """Read the rows of a CSV text by the standard library; empty lines and a byte order mark say nothing."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff").lstrip("\r\n"), newline="")))


def number(cell):
    """Read a number as Arrow reads it: also whole numbers in hexadecimal."""
    return float(int(cell, 16)) if "x" in cell else float(cell)


def naive(text):
    """Read the sets of a CSV text by the standard library: names to lists of (u, v) in the order of the file."""
    sets: dict[str, list] = {}
    for row in rows_of(text):
        sets.setdefault(row["set_id"].strip(), []).append([number(row["u"]), number(row["v"])])
    return sets


GOOD = "set_id,u,v\n" + "\n".join(f"{'ba'[i % 2]},{i % 7}.25,{-i * i}" for i in range(9)) + "\n"


@given(edits=EDITS, stream=st.booleans(), named=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_mangled_csv_file_is_refused_or_read_as_it_is(edits, stream, named):
    text = mangle(GOOD, edits)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "e.csv")
        path.write_bytes(text.encode())
        target = Path(folder, "s.arrow") if stream else None
        store = store_or_none(path, features=["u", "v"] if named else None, store=target)
        if store is None:
            assert target is None or [p.name for p in Path(folder).iterdir()] == ["e.csv"]
        elif store.features == ("u", "v"):
            expected = naive(text)
            assert store.set_ids == list(expected)
            for row, values in enumerate(expected.values()):
                np.testing.assert_array_equal(store.elements(row), np.array(values, np.float32))
        else:
            assert set(store.left_out) | set(store.features) | {"set_id"} >= set(text.split("\n")[0].split(",")) - {""}


@given(edits=EDITS, stream=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_mangled_csv_file_can_be_inspected_or_is_refused(edits, stream):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "e.csv")
        path.write_bytes(mangle(GOOD, edits).encode())
        store = store_or_none(path, strict=False, store=Path(folder, "s.arrow") if stream else None)
        if store is not None:
            summarise(store, targets=["y"]).to_dict()


@given(edits=EDITS)
@settings(max_examples=150, deadline=None)
def test_a_mangled_table_of_sets_is_refused_or_joined_by_name(edits):
    text = mangle("set_id,y,group\na,1.5,p\nb,2.5,q\n", edits)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.csv")
        path.write_bytes(text.encode())
        arrays = pa.table({"set_id": ["b", "a", "a"], "u": [0.5, 1.0, 0.25]})
        store = store_or_none(arrays, sets=path)
        if store is not None:
            rows = {row["set_id"].strip(): row for row in rows_of(text)}
            for row, name in enumerate(store.set_ids):
                for column in set(store.sets.column_names) - {"set_id"}:
                    found = store.sets[column][row].as_py()
                    written = rows[name][column].strip()
                    assert (
                        str(found) == written
                        or (found is None and written in MISSING)
                        or (found is not None and float(found) == float(written))
                        or (found != found and float(written) != float(written))
                    )
            summarise(store, targets=["y"])


@cache
def good_files():
    """Return the names and the bytes of one good file of each binary form."""
    with tempfile.TemporaryDirectory() as folder:
        return [(path.name, path.read_bytes()) for path in files(Path(folder))]


def files(folder):
    """Write one good file of each binary form."""
    generator = np.random.default_rng(0)
    table = pa.table({"set_id": np.repeat(["a", "b", "c"], 50), "u": generator.normal(size=150)})
    pq.write_table(table, folder / "e.parquet")
    pq.write_table(pa.table({"set_id": ["a", "b"], "u": [[1.0, 2.0], [3.0]]}), folder / "n.parquet")
    with pa.OSFile(str(folder / "t.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    read(table, store=folder / "s.arrow")
    with h5py.File(folder / "d.h5", "w") as file:
        file["train_data"] = generator.normal(size=(3, 5, 2))
        file["train_labels"] = np.arange(3)
    return sorted(folder.iterdir())


@given(
    which=st.integers(0, 4),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=3),
    keep=st.floats(0.5, 1) | st.just(1.0),
)
@settings(max_examples=300, deadline=None)
def test_damaged_binary_files_never_end_in_a_traceback(which, flips, keep):
    with tempfile.TemporaryDirectory() as folder:
        name, good = good_files()[which]
        path, raw = Path(folder, name), bytearray(good)
        for place, change in flips:
            raw[int(place * len(raw))] ^= change
        path.write_bytes(bytes(raw[: int(keep * len(raw))]))
        store = store_or_none(path)
        if isinstance(store, SetStore):
            assert len(store) >= 1
            store.sets.to_pylist()
            assert store.num_elements == sum(len(store.elements(row)) for row in range(len(store)))
