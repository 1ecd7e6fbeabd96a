"""Columns are features, or are left out with a reason."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.names import words_of
from setwise.readers.read import read
from setwise.store import columns


def table(sizes=(7, 11, 5, 13), seed=0, **columns):
    ids = np.repeat([f"s{i}" for i in range(len(sizes))], sizes)
    x = np.random.default_rng(seed).normal(size=len(ids))
    made = {name: make(len(ids)) if callable(make) else make for name, make in columns.items()}
    return pa.table({"set_id": ids, "x": x} | made)


@pytest.mark.parametrize(
    ("name", "words"),
    [("Time", "time"), ("EventTime_s", "event time s"), ("cell_index", "cell index"), ("CD8", "cd"), ("", "")],
)
def test_words_of_names(name, words):
    assert words_of(name) == words.split()


@pytest.mark.parametrize("name", ["time", "Time", "event_number", "EventID", "index", "Unnamed: 0", "", "cell_id"])
def test_names_that_are_no_measurements(name):
    noisy = table().append_column(name, pa.array(np.random.default_rng(1).normal(size=36)))
    store = read(noisy)
    assert store.features == ("x",)
    assert name in store.left_out
    assert read(noisy, features=[name, "x"]).features == (name, "x")
    assert read(noisy, features=[name]).left_out == {"x": "it was not named"}


@pytest.mark.parametrize("name", ["CD8", "timed", "indexed", "eventual", "length", "x1"])
def test_other_names_are_features(name):
    noisy = table().append_column(name, pa.array(np.random.default_rng(1).normal(size=36)))
    assert read(noisy).features == ("x", name)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("shuffled", [False, True])
def test_what_is_in_order_within_every_set(monkeypatch, direction, shuffled):
    monkeypatch.setattr("setwise.store.tables.ROWS", 4)
    made = table(clock=np.concatenate([np.arange(n) // 2 * direction for n in (7, 11, 5, 13)]))
    if shuffled:  # sets are interleaved; rows of each keep their order
        ids = np.random.default_rng(3).permutation(np.array(made["set_id"]))
        order = np.empty(len(ids), int)
        for name in set(ids.tolist()):
            order[ids == name] = np.flatnonzero(np.array(made["set_id"]) == name)
        made = made.take(pa.array(order))
    store = read(made)
    assert store.features == ("x",)
    assert ("rises" if direction == 1 else "falls") in store.left_out["clock"]


@pytest.mark.parametrize("draw", ["normal", "gamma", "uniform", "indicator", "degree", "integers"])
@pytest.mark.parametrize("sizes", [(60,) * 6, (7, 11, 5, 13, 8, 21), tuple(range(20, 90))])
def test_a_feature_that_rows_are_sorted_by_is_a_feature(draw, sizes):
    generator = np.random.default_rng(sum(sizes))
    draws = {
        "normal": lambda n: generator.normal(size=n),
        "gamma": lambda n: generator.gamma(2, size=n),
        "uniform": lambda n: generator.random(n),
        "indicator": lambda n: generator.integers(0, 2, n),
        "degree": lambda n: generator.integers(0, 5, n),
        "integers": lambda n: generator.integers(0, 1000, n),
    }
    made = table(sizes=sizes, y=np.concatenate([np.sort(draws[draw](n)) for n in sizes]))
    store = read(made)
    assert store.features == ("x", "y")
    if len(sizes) > 10:
        assert "sorted by 'y', which" in store.description.notes[0]


@pytest.mark.parametrize("clock", ["count", "gaps", "moments", "even", "global"])
def test_counters_and_clocks_have_steps_of_their_own(clock):
    generator, sizes = np.random.default_rng(7), tuple(range(20, 60))
    draws = {
        "count": lambda n: np.arange(n),
        "gaps": lambda n: np.cumsum(generator.integers(1, 5, n)),
        "moments": lambda n: np.cumsum(generator.exponential(size=n)),
        "even": lambda n: np.linspace(84, 90, n),
        "global": lambda n: np.arange(n) + n * 1000,
    }
    made = table(sizes=sizes, y=np.concatenate([draws[clock](n) for n in sizes]))
    assert "rises" in read(made).left_out["y"]
    store = read(made, features=["x", "y"])
    assert store.features == ("x", "y")
    assert store.description.notes[0].startswith("feature 'y' is taken since it was named, and may tell the sets apart")


def test_one_step_back_in_one_set_makes_a_feature():
    clock = np.arange(36.0)
    clock[30] = 28.5
    assert read(table(clock=clock)).features == ("x", "clock")


def test_the_order_of_sets_does_not_matter():
    falling_between_sets = np.concatenate([np.arange(n) - 100 * i for i, n in enumerate((7, 11, 5, 13))])
    assert "clock" in read(table(clock=falling_between_sets)).left_out


def test_order_by_accident_is_no_order():
    store = read(table(sizes=(2, 3), seed=5, y=[0.0, 1.0, 2.0, 3.0, 4.0]))
    assert store.features == ("x", "y")


def test_a_property_of_the_set_is_no_feature_but_a_constant_is_harmless():
    age = np.repeat([30.0, 40.0, 50.0, 60.0], (7, 11, 5, 13))
    store = read(table(age=age, gain=np.ones(36)))
    assert store.features == ("x", "gain")
    assert store.sets["age"].to_pylist() == [30, 40, 50, 60]
    assert (
        "age: a column of the sets, and no feature, since no set has several values (--features takes age in)"
        in store.description.notes[0]
    )


def test_sets_of_one_element_have_no_order():
    store = read(table(sizes=[1] * 17, y=lambda n: np.arange(n) * 1.0))
    assert store.features == ("x", "y")


def test_other_kinds_are_left_out_with_the_reason():
    store = read(
        table(
            day=pa.array(range(36), pa.timestamp("s")),
            colour=["red", "blue"] * 18,
            nothing=pa.nulls(36),
            none=pa.nulls(36, "f8"),
        ),
        strict=False,
    )
    assert store.features == ("x", "none")
    assert {name: reason.split(",")[0] for name, reason in store.left_out.items()} == {
        "day": "it holds timestamp[s]",
        "colour": "it holds text",
        "nothing": "it is empty",
    }


@pytest.mark.parametrize(
    "commas", [["0,64", "-1,5e3", "7"], ["1.234,5", "0,1", "12,25"], ["1,234.5", "1,234,567", "8"]]
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_decimal_commas_are_no_text_to_be_left_out(write, tmp_path, commas, on_disk):
    path = write(table(y=[*commas * 8, *[""] * 12]), "e.csv")
    store = tmp_path / "s.arrow" if on_disk else None
    for features in (None, ["y"]):
        with pytest.raises(
            InputError,
            match=rf"column 'y' must hold numbers with decimal points; row 1 holds '{commas[0]}'. Write a point",
        ):
            read(path, features=features, store=store)
    found = read(path, strict=False)
    assert found.left_out == {"y": "it holds numbers with decimal commas"}
    assert (
        "'y' holds numbers with decimal commas, which training refuses. Write a point" in found.description.problems[0]
    )
    assert read(path, features=["x"]).features == ("x",)


def test_commas_of_words_are_text():
    words = ["CD3, CD4", "1,2,3", "a,5", "0,5 h"] * 9
    assert read(table(y=words)).left_out == {"y": "it holds text"}


def test_no_feature_is_left():
    with pytest.raises(InputError, match=r"'time': its name says time.*Name the features"):
        read(pa.table({"set_id": ["a"], "time": [1.0]}))
    with pytest.raises(InputError, match="no columns but the names of sets"):
        read(pa.table({"set_id": ["a"]}))
    with pytest.raises(InputError, match="clock or a counter"):
        read(pa.table({"set_id": ["a"] * 50, "n": np.arange(50)}))


@pytest.mark.parametrize("features", [[], "x", ["set_id"]])
def test_names_that_name_no_features(features):
    with pytest.raises(InputError, match="features must be"):
        read(table(), features=features)


@pytest.mark.parametrize("kind", ["memory", "csv", "parquet", "interleaved"])
def test_columns_with_one_value_in_a_set_are_columns_of_the_sets(write, monkeypatch, kind):
    monkeypatch.setattr("setwise.store.tables.ROWS", 4)
    sizes = (7, 11, 5, 13)
    made = table(
        label=np.repeat([0, 1, 1, 0], sizes),
        site=np.repeat(np.array(["A", "B", "B", None], object), sizes),
        time=np.repeat([3.5, np.nan, 2.0, 9.0], sizes),
        kind=pa.array(np.where(np.arange(36) == 20, "odd", "even")),
    )
    if kind == "interleaved":
        made = made.take(pa.array(np.random.default_rng(3).permutation(36)))
    source = made if kind in ("memory", "interleaved") else write(made, f"e.{kind}")
    store = read(source, sets=pa.table({"set_id": ["s3", "s2", "s1", "s0"], "age": [1, 2, 3, 4]}))
    assert store.features == ("x",)
    own = {
        name: dict(zip(store.set_ids, store.sets[name].to_pylist(), strict=True)) for name in store.sets.column_names
    }
    assert own["label"] == {"s0": 0, "s1": 1, "s2": 1, "s3": 0}
    assert own["site"] == {"s0": "A", "s1": "B", "s2": "B", "s3": None}
    assert own["time"]["s3"] == 9
    assert own["age"]["s1"] == 3
    assert store.left_out == {"kind": "it holds text"}
    with pytest.raises(InputError, match=r"'kind' was left out: it holds text\. .*the first: 's2'"):
        columns.labels(store, "kind")
    with pytest.raises(InputError, match=r"'x' changes within a set \(the first"):
        columns.numbers(store, ["x"])
    both = read(made, sets=pa.table({"set_id": ["s3", "s2", "s1", "s0"], "label": [5, 6, 7, 8]}))
    assert sorted(both.sets["label"].to_pylist()) == [5, 6, 7, 8]
    assert read(made, features=["x", "label"]).features == ("x", "label")
