"""Classes that are one under several names: merged by spelling and by name, told, and merged alike in new data."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.merged import merged
from setwise.readers.read import read
from setwise.readers.reading import Reading
from setwise.store.inspect import summarise


def read_with(merges, **columns):
    sets = [np.random.default_rng(n).normal(size=(2, 2)) for n in range(len(next(iter(columns.values()))))]
    return read(sets, sets=pa.table(columns), reading=Reading(merge_classes=merges))


def test_spellings_become_the_commonest():
    store = read_with(
        {"y": {}}, y=["yes", "Yes", "YES ", "no", "N-o", "yes", None, "A+", "A-", "late stage", "late-stage"]
    )
    assert store.sets["y"].to_pylist()[:7] == ["yes", "yes", "yes", "no", "no", "yes", None]
    assert store.sets["y"].to_pylist()[7:] == ["A+", "A-", "late stage", "late stage"]
    (note,) = store.description.notes
    assert "'Yes', 'YES ' are taken for 'yes'" in note or "'Yes', 'YES' are taken for 'yes'" in note
    assert not any("spelling" in problem for problem in summarise(store, targets=["y"]).problems)


def test_named_classes_are_merged_numbers_too():
    store = read_with(
        {"grade": {"low": ["1", "2"], "high": ["3"]}, "stage": {"early": ["I", "II"]}},
        grade=[1, 2, 3, 3, None],
        stage=["I", "ii", "III", "IV", "early"],
    )
    assert store.sets["grade"].to_pylist() == ["low", "low", "high", "high", None]
    assert store.sets["stage"].to_pylist() == ["early", "early", "III", "IV", "early"]


def test_new_data_are_merged_as_those_before():
    choices = read_with({"y": {}}, y=["ill", "Ill", "ill", "well"]).description.choices["merge_classes"]
    assert choices == {"y": {"ill": ["Ill"], "well": []}}
    again = read_with({}, y=["Ill", "Ill", "ILL", "Well"])
    found = merged(again, {**choices, "z": {"a": ["b"]}}, strict=False)
    assert found.sets["y"].to_pylist() == ["ill", "ill", "ill", "well"]
    assert found.description.choices["merge_classes"]["z"] == {"a": ["b"]}


def test_labels_of_elements_are_merged():
    table = pa.table({"set_id": ["a", "a", "b", "b"], "x": [0.1, 0.7, 0.3, 0.2], "kind": ["T", "t", None, "B"]})
    store = read(table, labels=["kind"], reading=Reading(merge_classes={"kind": {}}))
    assert store.labels["kind"].to_pylist() == ["T", "T", None, "B"]


@pytest.mark.parametrize(
    ("merges", "said"),
    [
        ({"z": {}}, "the sets have no column 'z'"),
        ({"y": {"ill": ["sik"]}}, "must be among those of 'y', 'sick', 'well'; got 'sik'"),
    ],
)
def test_names_that_are_not_there_are_refused(merges, said):
    with pytest.raises(InputError, match=said):
        read_with(merges, y=["sick", "well"])
