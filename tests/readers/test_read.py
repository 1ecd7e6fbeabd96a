"""Reading: the same sets whatever form they come in."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.store import SetStore

LONG = ["l.parquet", "l.csv", "l.csv.gz", "l.tsv", "l.arrow"]


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("on_disk", [False, True])
def test_long_files(assert_holds, table, sets, outcomes, write, tmp_path, name, on_disk):
    store = read(write(table, name), sets=write(outcomes, "o.csv"), store=tmp_path / "s.arrow" if on_disk else None)
    assert_holds(store, sets)
    assert store.features == ("u", "v")
    assert store.sets["y"].to_pylist() == [4.5, 3.5, 2.5, 1.5]
    assert store.sets["group"].to_pylist() == ["q", "p", "q", "p"]
    assert (store.path is not None) == on_disk
    assert store.fingerprint == read(table).fingerprint


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("rows", [1, 5, 1000])
@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_of_a_set_may_lie_anywhere(assert_holds, table, write, tmp_path, monkeypatch, name, rows, on_disk):
    monkeypatch.setattr("setwise.store.tables.ROWS", rows)
    monkeypatch.setattr("setwise.store.tables.BLOCK", 64)
    order = np.random.default_rng(7).permutation(len(table))
    store = read(write(table.take(pa.array(order)), name), store=tmp_path / "s.arrow" if on_disk else None)
    names = [table["set_id"][int(row)].as_py() for row in order]
    elements = np.stack([table["u"], table["v"]], 1)
    expected = {
        name: elements[[int(row) for row in order if table["set_id"][int(row)].as_py() == name]]
        for name in dict.fromkeys(names)
    }
    assert_holds(store, expected)


def test_tables_in_memory(assert_holds, table, sets, outcomes):
    frame = table.to_pandas()
    for source in (table, frame, frame.set_index("set_id"), pa.RecordBatch.from_pandas(frame)):
        for per_set in (outcomes, outcomes.to_pandas(), outcomes.to_pydict()):
            store = read(source, sets=per_set)
            assert_holds(store, sets)
            assert store.sets["y"].to_pylist() == [4.5, 3.5, 2.5, 1.5]


def test_pandas_categories_and_index(assert_holds, table, sets):
    frame = table.to_pandas().astype({"set_id": "category"})
    frame.index = frame.index[::-1] + 3
    store = read(frame)
    assert_holds(store, sets)
    assert list(store.left_out) in ([], ["__index_level_0__"])


@pytest.mark.parametrize("names", [[3, 1, 2], [3.0, 1.0, 2.0], ["3", "1", "2"], ["3.0", "1.0", "2.0"]])
@pytest.mark.parametrize("others", [[1, 2, 3], [1.0, 2.0, 3.0], ["1", "2", "3"], ["1.0", "2.0", "3.0"]])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_names_of_sets_match_whichever_type_they_have(write, names, others, suffix):
    elements = pa.table({"patient": np.repeat(names, 5).tolist(), "x": np.random.default_rng(0).normal(size=15)})
    per_set = pa.table({"patient": others, "y": ["one", "two", "three"]})
    store = read(write(elements, f"e.{suffix}"), sets=write(per_set, f"s.{suffix}"), set_id="patient")
    assert store.set_ids == ["3", "1", "2"]
    assert store.sets.column_names == ["set_id", "y"]
    assert store.sets["y"].to_pylist() == ["three", "one", "two"]


def test_names_are_kept_as_written(write):
    path = write(pa.table({"set_id": ["001", "NA", "1e3", "1.10"], "x": [0.5, 0.25, 1.0, 2.0]}), "e.csv")
    assert read(path).set_ids == ["001", "NA", "1e3", "1.10"]


def test_names_that_become_one_are_refused():
    with pytest.raises(InputError, match=r"'1' and '1\.0' differ only"):
        read(pa.table({"set_id": ["1", "1.0", "2"], "x": [0.5, 0.25, 1.0]}))


@pytest.mark.parametrize(("kind", "first"), [("float16", 2**11), ("float32", 2**24), ("float64", 2**53)])
def test_names_that_floats_round_are_refused(kind, first):
    names = pa.array(np.array([first - 1, first - 2], kind))
    assert read(pa.table({"set_id": names, "x": [1.0, 2.0]})).set_ids == [str(first - 1), str(first - 2)]
    for sign in (1, -1):
        names = pa.array(np.array([5, sign * first], kind))
        with pytest.raises(InputError, match=f"rounds different numbers to one, such as {sign * first}. Store"):
            read(pa.table({"set_id": names, "x": [1.0, 2.0]}))
        with pytest.raises(InputError, match="the table of sets: column 'set_id' must name sets by text or whole"):
            read([np.ones((2, 3))] * 2, sets=pa.table({"set_id": names}))


def test_lists_of_arrays(sets, outcomes):
    arrays = list(sets.values())
    for source in (arrays, tuple(arrays), [torch.from_numpy(x) for x in arrays], [x.tolist() for x in arrays]):
        store = read(source)
        assert store.set_ids == ["0", "1", "2", "3"]
        assert store.features == ("x0", "x1")
        for row, x in enumerate(arrays):
            np.testing.assert_array_equal(store.elements(row), x)
    named = read(arrays, features=["u", "v"], sets=outcomes)
    assert named.features == ("u", "v")
    assert named.set_ids == ["c", "10", "a", "b"]
    assert read(arrays, sets={"y": [1, 2, 3, 4]}).sets.column_names == ["set_id", "y"]


def test_padded_arrays():
    generator = np.random.default_rng(0)
    padded = generator.normal(size=(3, 5, 2)).astype(np.float32)
    padded[1, 2:] = np.nan
    for pair in ((padded, [5, 2, 3]), (torch.from_numpy(padded), torch.tensor([5, 2, 3]))):
        store = read(pair)
        assert store.sizes.tolist() == [5, 2, 3]
        np.testing.assert_array_equal(store.elements(1), padded[1, :2])
    assert read(padded[[0, 2]]).sizes.tolist() == [5, 5]
    with pytest.raises(InputError, match="between 1 and 5"):
        read((padded, [5, 0, 3]))
    with pytest.raises(InputError, match="whole numbers"):
        read((padded, [5, 1.5, 3]))


def test_images_and_categories_keep_their_kind(tmp_path):
    images = [np.full((n, 1, 7, 5), n, np.uint8) for n in (2, 3)]
    words = [np.array([3, 1, 4]), np.array([1])]
    for source, shape, dtype in ((images, (1, 7, 5), np.uint8), (words, (), np.int64)):
        for store in (read(source), read(source, store=tmp_path / f"{len(shape)}.arrow")):
            assert store.shape == shape
            assert store.features == ("element",)
            assert store.elements(0).dtype == dtype
            np.testing.assert_array_equal(store.elements(1), source[1])
            assert store.batch([1, 0]).elements.shape == (sum(map(len, source)), *shape)
    assert read([np.array([0.5, 1.5])]).shape == (1,)
    assert read([np.array([[1, 2], [3, 4]])]).elements(0).dtype == np.float32


@pytest.mark.parametrize("form", ["columns", "structs", "vectors", "lists"])
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_nested_tables(assert_holds, sets, write, tmp_path, monkeypatch, form, suffix, on_disk):
    monkeypatch.setattr("setwise.store.tables.ROWS", 2)
    lists = [x.tolist() for x in sets.values()]
    columns = {
        "columns": {"u": [[r[0] for r in x] for x in lists], "v": [[r[1] for r in x] for x in lists]},
        "structs": {"cells": [[{"u": r[0], "v": r[1]} for r in x] for x in lists]},
        "vectors": {"cells": pa.array(lists, pa.large_list(pa.list_(pa.float32(), 2)))},
        "lists": {"cells": pa.array(lists, pa.list_(pa.list_(pa.float32())))},
    }[form]
    nested = pa.table({"name": list(sets), "y": [1, 2, 3, 4], **columns})
    store = read(
        write(nested, f"n.{suffix}"),
        set_id="name",
        sets={"name": list(sets)[::-1], "age": [4, 3, 2, 1]},
        store=tmp_path / "s.arrow" if on_disk else None,
    )
    assert_holds(store, sets)
    assert store.features == (("u", "v") if form in ("columns", "structs") else ("cells_0", "cells_1"))
    assert store.sets["y"].to_pylist() == [1, 2, 3, 4]
    assert store.sets["age"].to_pylist() == [1, 2, 3, 4]


def test_a_store_written_as_parquet_is_a_nested_table(sets, tmp_path, write):
    path = read(list(sets.values()), store=tmp_path / "s.arrow").path
    with pa.memory_map(str(path)) as mapped:
        again = read(write(pa.ipc.open_file(mapped).read_all(), "s.parquet"))
    for row, x in enumerate(sets.values()):
        np.testing.assert_array_equal(again.elements(row), x)


def test_bad_nested_tables(write):
    good = {"set_id": ["a", "b"], "u": [[1.0, 2.0], [3.0]]}
    for column, message in (
        ({"v": [[1.0, 2.0], [3.0, 4.0]]}, "one length in each row; in set 'b'"),
        ({"v": [[[1.0], [2.0, 3.0]], [[1.0]]]}, "must have one length, 1 as the first"),
    ):
        with pytest.raises(InputError, match=message):
            read(write(pa.table(good | column), "n.parquet"))
    left = read(write(pa.table(good | {"v": [["p", "q"], ["r"]]}), "n.parquet"))
    assert (left.features, left.left_out) == (("u",), {"v": "it holds lists of text"})
    with pytest.raises(InputError, match="'v' is no feature: it holds lists of text"):
        read(write(pa.table(good | {"v": [["p", "q"], ["r"]]}), "n.parquet"), features=["u", "v"])
    for lists in ([[1.0], []], [[1.0], None]):
        with pytest.raises(InputError, match="1 of 2 sets have none: 'b'"):
            read(pa.table({"set_id": ["a", "b"], "u": lists}))
    with pytest.raises(InputError, match="'a' has rows 1 and 2"):
        read(pa.table({"set_id": ["a", "a"], "u": [[1.0], [2.0]]}))


def test_stores_pass_through(sets, tmp_path):
    store = read(list(sets.values()))
    assert read(store) is store
    saved = read(store, store=tmp_path / "s.arrow")
    assert isinstance(saved, SetStore)
    assert read(saved.path).fingerprint == store.fingerprint
    with pytest.raises(InputError, match="when it is written"):
        read(saved.path, features=["u"])


def test_missing_texts_of_csv_are_missing(write, table):
    per_set = write(pa.table({"set_id": ["a", "b", "c", "10"], "y": ["NA", "", "yes", "no"]}), "s.csv")
    assert read(table, sets=per_set).sets["y"].to_pylist() == [None, None, "no", "yes"]


def test_leading_zeros_of_the_table_of_sets_are_kept(tmp_path, write, table):
    path = tmp_path / "s.csv"
    path.write_text("ward,set_id,group,n,dose,zero\n01,b,007,10,0.5,0\n1,a,7,2,00.5,0\nNA,10,,3,1,0\n10,c,12,4,2,0\n")
    store = read(write(table, "e.csv"), sets=path)
    assert store.sets["ward"].to_pylist() == ["01", "1", None, "10"]
    assert store.sets["group"].to_pylist() == ["007", "7", None, "12"]
    for name, values in {"n": [10, 2, 3, 4], "dose": [0.5, 0.5, 1, 2], "zero": [0] * 4}.items():
        assert store.sets[name].to_pylist() == values


@pytest.mark.parametrize("name", ["s.csv", "s.parquet", "s.arrow"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_white_space_around_text_tells_nothing_apart(write, tmp_path, name, on_disk):
    elements = pa.table({"set_id": ["a", "a ", "\u00a0b"], "x": [1.0, 2.0, 3.0], "kind": [" T", "T", " "]})
    sets = pa.table({"set_id": [" b", "a"], "y": ["case ", "case"], "ward": pa.array(["w", " w"]).dictionary_encode()})
    store = tmp_path / "store.arrow" if on_disk else None
    found = read(write(elements, f"e{name}"), sets=write(sets, name), labels=["kind"], store=store)
    assert found.set_ids == ["a", "b"]
    assert found.sizes.tolist() == [2, 1]
    assert found.sets["y"].to_pylist() == ["case"] * 2
    assert found.sets["ward"].to_pylist() == ["w"] * 2
    assert found.labels["kind"].to_pylist() == ["T", "T", None]
    twice = pa.table({"set_id": ["a", "a ", "b"], "y": [1, 2, 3]})
    with pytest.raises(InputError, match="set 'a' has rows 1 and 2"):
        read(elements, sets=twice)


def test_wide_integers_and_truth_values_are_numbers():
    table = pa.table(
        {
            "set_id": ["a", "b"],
            "n": pa.array([1, None], pa.int64()).fill_null(5),
            "flag": [True, False],
            "price": pa.array(["1.50", "2.25"]).cast(pa.decimal128(5, 2)),
        }
    )
    assert read(table).elements(0).tolist() == [[1.0, 1.0, 1.5]]


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="got int"):
        read(3)
    with pytest.raises(TypeError, match="got dict"):
        read({"a": [1]})
    with pytest.raises(InputError, match="list of arrays"):
        read(np.zeros(3))
    with pytest.raises(InputError, match="empty list"):
        read([])
    assert len(read(pd.DataFrame({"set_id": [1, 1], "x": [0.5, 1.0]}))) == 1


def test_truth_values_are_features_of_streamed_tables_too(tmp_path):
    lines = ["set_id,a,flag", *(f"s{i // 4},{i},{'true' if i % 3 else 'false'}" for i in range(12))]
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    stores = [read(tmp_path / "e.csv"), read(tmp_path / "e.csv", store=tmp_path / "e.arrow")]
    assert [store.features for store in stores] == [("a", "flag")] * 2
    assert np.array_equal(stores[0].elements(1), stores[1].elements(1))


def test_views_of_text_are_text():
    """As Polars hands over what is text, of names of sets, features, labels and targets."""

    def views(*values):
        return pa.array(values).cast(pa.string_view())

    elements = pa.table(
        {"set_id": views("a", "a", "b", "c"), "x": [1.5, 2.0, 4.0, 0.5], "t": views("u", "v", "v", "u")}
    )
    sets = pa.table({"set_id": views("a", "b", "c"), "kind": views("p", "q", "p")})
    store = read(elements, sets=sets, labels=["t"])
    assert (store.set_ids, store.features) == (["a", "b", "c"], ("x",))
    assert store.sets["kind"].to_pylist() == ["p", "q", "p"]
    assert store.labels["t"].to_pylist() == ["u", "v", "v", "u"]
    assert read(elements).left_out == {"t": "it holds text"}


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.h5ad").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(InputError, match=r"pip install 'setwise\[anndata\]'"):
        read(tmp_path / "a.h5ad", set_id="sample")
