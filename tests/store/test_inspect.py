"""Summaries: numbers by NumPy, and every problem told."""

import json

import numpy as np
import pyarrow as pa
import pytest

from setwise.readers.read import read
from setwise.store.inspect import summarise


def make(sizes=(1, 7, 31, 5), sets=None, seed=0):
    generator = np.random.default_rng(seed)
    return read([generator.normal(size=(n, 2)) for n in sizes], sets=sets, strict=False)


def test_numbers_against_numpy():
    arrays = [np.random.default_rng(seed).normal(100, 3, (n, 2)) for seed, n in enumerate((1, 7, 31, 5))]
    summary = summarise(read(arrays))
    values = np.concatenate(arrays).astype(np.float32)
    for column, feature in enumerate(summary.features):
        assert feature.name == f"x{column}"
        assert feature.minimum == values[:, column].min()
        assert feature.maximum == values[:, column].max()
        assert feature.mean == pytest.approx(values[:, column].astype(float).mean(), rel=1e-9)
        assert feature.std == pytest.approx(values[:, column].astype(float).std(), rel=1e-6)
        assert feature.missing == 0
    assert (summary.num_sets, summary.num_elements, summary.shape) == (4, 44, (2,))
    assert summary.sizes["0%"] == 1
    assert summary.sizes["50%"] == 6
    assert summary.sizes["100%"] == 31
    json.dumps(summary.to_dict())


def test_columns_and_groups():
    sets = {"y": [1.0, 2.0, None, 4.0], "kind": ["p", "q", None, "q"], "group": [1, 1, 2, 3], "free": list("abcd")}
    summary = summarise(make(sets=sets))
    y, kind, group, _ = summary.columns
    assert (y.kind, y.missing, y.minimum, y.maximum) == ("number", 1, 1.0, 4.0)
    assert (kind.kind, kind.missing, kind.counts) == ("text", 1, {"p": 1, "q": 2})
    assert group.distinct == summary.groups == 3


def problems_of(store, **arguments):
    return " | ".join(summarise(store, **arguments).problems)


def test_missing_values_are_told():
    table = pa.table({"set_id": ["a", "b", "b"], "x": [1.0, None, 2.0], "gone": pa.nulls(3, "f8")})
    store = read(table, strict=False)
    summary = summarise(store)
    assert [f.missing for f in summary.features] == [1, 3]
    assert summary.features[1].minimum is None
    assert "'x' has no finite value in 1 of 3 elements (the first in set 'b')" in problems_of(store)
    json.dumps(summary.to_dict(), allow_nan=False)


def test_a_spread_that_float32_rounds_away_is_told():
    noise = np.random.default_rng(0).normal(size=31)
    columns = {"far": 1e7 + 1e-3 * noise, "half": 1e7 + 0.5 + 1e-3 * noise, "near": 1e3 + noise}
    columns |= {"constant": 0.1 + 1e-17 * noise, "none": np.full(31, np.nan)}
    table = pa.table({"set_id": ["a", "b", "c"] * 10 + ["a"], **columns})
    assert [line.split("'")[1] for line in read(table, strict=False).description.problems] == ["far", "half"]
    told = problems_of(read(table, strict=False))
    assert f"'far' lies between {columns['far'].min()} and" in told
    assert "'far' is 1e+07 in every element, in float32" in told
    notes = read(table.drop_columns(["none"])).description.notes
    assert [line.split("'")[1] for line in notes] == ["far", "half"]
    assert "Subtract an offset" in notes[0]


def test_features_that_say_nothing():
    table = pa.table({"set_id": ["a", "b"], "x": [1.0, 2.0], "one": [3.0, 3.0], "far": [1e6, 1e6 + 1]})
    told = problems_of(read(table))
    assert "'one' is 3 in every element" in told
    assert "'far' varies too little around 1e+06" in told or "'far'" not in told
    far = pa.table({"set_id": ["a", "b"], "far": [1e9, 1e9 + 64]})
    assert "'far' varies too little" in problems_of(read(far))


@pytest.mark.parametrize(
    ("sets", "arguments", "message"),
    [
        ({"y": [1.0, 1.0, 1.0, 1.0]}, {"targets": ["y"]}, "the same for all sets"),
        ({"y": ["a"] * 4}, {"targets": ["y"]}, "the same for all sets"),
        ({"y": [1.0, 2.0, None, 3.0]}, {"targets": ["y"]}, "missing for 1 of 4"),
        ({"y": list("abcd")}, {"targets": ["y"]}, "4 classes for 4 sets"),
        ({"y": list("aaab")}, {"targets": ["y"]}, "fewer than 5 sets of class 'a', 'b'"),
        ({"y": ["1,5", "2", "1,5", None]}, {}, "'y' of the sets must hold numbers with decimal points; it holds '1,5'"),
        ({"y": [1, 2, 3, 4]}, {"targets": ["z"]}, "no column 'z'"),
        ({"group": ["p", None, "q", "r"]}, {}, "1 of 4 have none"),
        ({"group": ["p", "p", "p", "q"]}, {}, "at least 3"),
        ({"split": ["train", "test", "dev", "test"]}, {}, "set 2 has 'dev'"),
        ({"split": ["train", "test"] * 2, "patient": ["p", "p", "q", "r"]}, {"group": "patient"}, "train and test"),
        ({"y": [1, 2, 3, 4]}, {"group": "patient"}, "no column 'patient'"),
    ],
)
def test_targets_and_splits(sets, arguments, message):
    assert message in problems_of(make(sets=sets), **arguments)


def test_numbers_of_sets_and_elements():
    assert "one set only" in problems_of(make(sizes=[5]))
    assert "4 sets only" in problems_of(make())
    assert "1 of 4 sets have one element only" in problems_of(make())
    assert problems_of(make(sizes=[5] * 29)) == ""


def test_what_reading_found_is_told():
    table = pa.table({"set_id": ["a", "b"], "x": [1.0, 2.0], "time": [1, 2]})
    store = read(table, sets={"set_id": ["a", "c"]}, strict=False)
    assert "sets with elements have none: 'b'" in problems_of(store)
    assert "sets have none: 'c'" in problems_of(store)
    assert summarise(store).left_out == {"time": "its name says time, event or index"}


def test_images_and_categories():
    assert summarise(read([np.zeros((3, 2, 2), np.uint8)] * 3)).features == ()
    assert summarise(read([np.arange(3)] * 3)).shape == ()
