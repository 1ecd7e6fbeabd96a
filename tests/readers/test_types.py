"""Elements of several types, in list columns of their own, as one set with a flag for each type."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.runs.predict import read_for
from tests.fixtures.training import train

EVENTS = {
    "set_id": ["a", "b", "c"],
    "Jet_pt": [[10.0, 20.0], [30.0], []],
    "Jet_btag": [[0.5, 0.1], [0.9], []],
    "Muon_pt": [[5.0], [], [7.0, 8.0]],
    "Muon_charge": [[1], [], [-1, 1]],
    "met": [1.0, 2.0, 3.0],
}
WANT = {  # pt, btag, charge, is_Jet, is_Muon
    "a": [[10, 0.5, 0, 1, 0], [20, 0.1, 0, 1, 0], [5, 0, 1, 0, 1]],
    "b": [[30, 0.9, 0, 1, 0]],
    "c": [[7, 0, -1, 0, 1], [8, 0, 1, 0, 1]],
}
NAMES = ("pt", "btag", "charge", "is_Jet", "is_Muon")


def structs():
    """Return the same events with a list of structures for each type."""
    lists = {}
    for kind, fields in (("Jet", ("pt", "btag")), ("Muon", ("pt", "charge"))):
        columns = [EVENTS[f"{kind}_{field}"] for field in fields]
        lists[kind] = [
            [dict(zip(fields, values, strict=True)) for values in zip(*event, strict=True)]
            for event in zip(*columns, strict=True)
        ]
    return pa.table({"set_id": EVENTS["set_id"], **lists, "met": EVENTS["met"]})


@pytest.mark.parametrize("table", [pa.table(EVENTS), structs()], ids=["columns", "structures"])
def test_types_that_are_named(table):
    store = read(table, reading=Reading(types=("Jet", "Muon")))
    assert store.features == NAMES
    for row, name in enumerate("abc"):
        np.testing.assert_allclose(store.elements(row), np.array(WANT[name]), rtol=1e-6)
    assert store.sets["met"].to_pylist() == [1.0, 2.0, 3.0]
    some = read(table, features=["is_Muon", "pt"], reading=Reading(types=("Jet", "Muon")))
    np.testing.assert_allclose(some.elements(2), [[1, 7], [1, 8]])


def test_features_of_several_types():
    store = read(pa.table(EVENTS), features=["Jet_*", "Muon_*"])
    assert store.features == NAMES
    np.testing.assert_allclose(store.elements(0), np.array(WANT["a"]), rtol=1e-6)
    assert store.description.choices["types"] == ("Jet", "Muon")
    pt = read(pa.table(EVENTS), features=["Jet_pt", "Muon_pt"])
    assert pt.features == ("pt", "is_Jet", "is_Muon")


def test_columns_of_one_length_stay_what_they_are():
    table = pa.table({"set_id": ["a", "b"], "u_1": [[1.0], [2.0, 3.0]], "v_1": [[5.0], [6.0, 4.0]]})
    assert read(table, features=["u_1", "v_1"]).features == ("u_1", "v_1")


def test_a_run_remembers_the_types():
    many = pa.table({name: values * 4 for name, values in EVENTS.items() if name != "set_id"})
    many = many.append_column("set_id", pa.array([f"e{n}" for n in range(12)]))
    run = train(read(many, features=["Jet_*", "Muon_*"]), targets="met", model="linear", test=0.0, baselines=False)
    assert read_for(run, many).features == NAMES


@pytest.mark.parametrize(
    ("types", "said"),
    [(("Jet", "Tau"), "no list columns Tau_.* there may be the types Jet, Muon"), (("met",), "no list columns met_")],
)
def test_types_that_are_not_there(types, said):
    with pytest.raises(InputError, match=said):
        read(pa.table(EVENTS), reading=Reading(types=types))
    with pytest.raises(InputError, match="has a row per element"):
        read(pa.table({"set_id": ["a", "a"], "Jet_pt": [0.1, 0.3]}), reading=Reading(types=types))
