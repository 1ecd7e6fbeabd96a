"""Columns of the table of sets."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.columns import check_no_commas, check_varies, given_split, groups, labels, targets
from setwise.store.labels import label_codes, labels_of

SETS = {
    "set_id": ["a", "b", "c"],
    "y": [1.5, None, 3.0],
    "n": [1, 2, 3],
    "grade": [1.0, 2.0, None],
    "sex": ["f", "m", None],
    "smoker": [True, False, True],
    "empty": pa.nulls(3),
    "best": [1.0, np.inf, 2.0],
}


@pytest.fixture
def store():
    return read([np.ones((2, 3))] * 3, sets=SETS)


def test_numbers(store):
    np.testing.assert_array_equal(targets(store, ["n", "smoker"]), [[1, 1], [2, 0], [3, 1]])
    found = targets(store, ["y", "n"], rows=[2, 0])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[1.5, 1], [np.nan, 2], [3, 3]])
    assert np.isnan(targets(store, ["empty"], rows=[])).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("y", "'y' of the sets must have a finite value for every set; 1 of 3 have none: 'b'"),
        ("best", "1 of 3 have none: 'b'"),
        ("empty", "3 of 3 have none: 'a', 'b', 'c'"),
        ("sex", "must hold numbers; it holds string .'f'."),
        ("z", "no column 'z'; they have set_id, y"),
    ],
)
def test_bad_numbers(store, name, message):
    with pytest.raises(InputError, match=message):
        targets(store, [name])
    with pytest.raises(InputError, match="list of at least one"):
        targets(store, name)


def test_classes(store):
    assert labels(store, "n") == ["1", "2", "3"]
    assert labels(store, "smoker") == ["true", "false", "true"]
    assert labels(store, "grade", rows=[0, 1]) == ["1", "2", None]
    assert labels(store, "y", rows=[]) == ["1.5", None, "3"]
    with pytest.raises(
        InputError, match=r"'sex' of the sets must have a value .a class or a group. for every set.*: 'c'"
    ):
        labels(store, "sex")


def test_decimal_commas():
    found = read(
        [np.ones((2, 3))] * 3, sets={"y": ["1,5", None, "2"], "sites": ["1,2", "none", "2,3,4"], "n": [1, 2, 3]}
    )
    check_no_commas(found, "sites")
    check_no_commas(found, "n")
    with pytest.raises(
        InputError, match=r"'y' of the sets must hold numbers with decimal points; it holds '1,5'\. Write"
    ):
        check_no_commas(found, "y")


def test_groups_and_split(store):
    assert groups(store) is None
    assert given_split(store) is None
    found = groups(store, "n")
    assert found is not None
    assert found.tolist() == ["1", "2", "3"]
    with pytest.raises(InputError, match="no column 'patient'"):
        groups(store, "patient")
    with pytest.raises(InputError, match="c"):
        groups(store, "sex")
    found = given_split(store, "smoker")
    assert found is not None
    assert found.tolist() == ["true", "false", "true"]


def test_targets_that_teach_nothing():
    check_varies(np.array([1.0, 2.0]), "y")
    check_varies(["a", "b"], "y")
    for values in (np.array([3.0, 3.0]), ["a", "a", "a"]):
        with pytest.raises(InputError, match=r"'y' must differ between sets; it is '(3\.0|a)'"):
            check_varies(values, "y")
    with pytest.raises(InputError, match="at least two sets"):
        check_varies(["a"], "y")


def test_a_class_has_one_name_whatever_others_there_are():
    """So that a model of doses 0, 0.5 and 1 knows those of a table with 0 and 1 alone."""
    sets = [np.ones((2, 2))] * 3
    assert labels(read(sets, sets={"dose": [0.0, 0.5, 1.0]}), "dose") == ["0", "0.5", "1"]
    assert labels(read(sets, sets={"dose": [0.0, 1.0, 1.0]}), "dose") == ["0", "1", "1"]
    store = read(sets).with_labels({"dose": np.array([0, 0.5, 1, np.nan, 1, 0])})
    assert label_codes(labels_of(store, "dose"))[0] == ["0", "0.5", "1"]
