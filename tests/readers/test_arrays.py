"""Data frames as sets: columns by their names, and what goes with the sets in their order."""

import numpy as np
import pandas as pd
import pytest

from setwise._checks import InputError
from setwise.readers.columns import check_order, is_missing
from setwise.readers.read import read

FIRST = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [5.0, 7.0, 6.0]})


def test_columns_of_a_list_of_frames_are_found_by_name():
    store = read([FIRST, FIRST[["b", "a"]]])
    assert store.features == ("a", "b")
    np.testing.assert_array_equal(store.elements(0), store.elements(1))


@pytest.mark.parametrize(
    "other", [FIRST.rename(columns={"a": "c"}), FIRST[["a"]], FIRST.to_numpy()], ids=["renamed", "fewer", "array"]
)
def test_other_columns_are_refused_by_set(other):
    with pytest.raises(InputError, match="same columns, a, b; set '1'"):
        read([FIRST, other])


def test_frames_whose_columns_are_only_numbered_are_arrays():
    assert read([pd.DataFrame(FIRST.to_numpy())] * 2).features == ("x0", "x1")


def test_an_index_that_names_the_sets_in_another_order_is_refused():
    y = pd.Series([1.0, 2.0], index=["s1", "s0"])
    with pytest.raises(InputError, match=r"y must be in the order .* s0, s1"):
        check_order(["s0", "s1"], y=y)
    check_order(["s0", "s1"], y=y[::-1], groups=[1, 2], covariates=None, other=y.to_numpy())
    check_order(["s0", "s1"], y=y.set_axis([5, 3]))  # labels that name no sets
    check_order(["1", "0"], y=y.reset_index(drop=True))  # nobody named the rows


def test_what_counts_as_missing():
    assert all(map(is_missing, [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT]))
    assert not any(map(is_missing, [0, 0.0, "", "nan", False]))


def test_features_are_chosen_among_the_columns_of_frames():
    assert read([FIRST], features=["b"]).elements(0).tolist() == [[5.0], [7.0], [6.0]]
    both = read([FIRST], features=["b", "a"])
    assert both.features == ("b", "a")
    assert both.elements(0).tolist() == [[5.0, 1.0], [7.0, 2.0], [6.0, 4.0]]
    with pytest.raises(InputError, match="must be columns of the frames, a, b; got c"):
        read([FIRST], features=["a", "c"])
