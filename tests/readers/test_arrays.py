"""Data frames as sets: columns by their names, and what goes with the sets in their order."""

import numpy as np
import pandas as pd
import pytest
import torch

from setwise._checks import InputError
from setwise.estimators import SetRegressor
from setwise.readers.columns import check_order, is_missing
from setwise.readers.read import read
from setwise.readers.reading import Reading

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


def _padded(seed=0, value=0.0):
    """Make sets of vectors, filled up to one length, with their sizes."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 8, 13)
    x = generator.normal(size=(13, 8, 3))
    x[np.arange(8) >= sizes[:, None]] = value
    return x, sizes


@pytest.mark.parametrize("value", [0.0, np.nan, -99.0])
@pytest.mark.parametrize("form", ["array", "list", "tensor"])
def test_padding_that_nothing_tells_is_refused_with_what_tells_it(value, form):
    x, sizes = _padded(value=value)
    given = {"array": x, "list": list(x), "tensor": torch.from_numpy(x)}[form]
    with pytest.raises(InputError, match=rf"rows of {value:g} at the ends of 1\d sets.*\(x, sizes\).*\(x, mask\)"):
        read(given)
    with pytest.raises(InputError, match=r"\(x, sizes\)"):
        SetRegressor("linear").fit(given, sizes)
    mask = ~np.isnan(x).all(-1) if np.isnan(value) else (x != value).any(-1)
    for pair in [
        (x, sizes),
        (x, mask),
        (x, mask.astype(int)[:, :, None]),
        (torch.from_numpy(x), torch.from_numpy(mask)),
    ]:
        store = read(pair)
        assert store.sizes.tolist() == sizes.tolist()
        np.testing.assert_array_equal(store.elements(4), x[4, : sizes[4]].astype(np.float32))
    assert read(given, reading=Reading(padding="drop")).sizes.tolist() == sizes.tolist()
    if value == 0:
        assert read(given, reading=Reading(padding="keep")).num_elements == 13 * 8
        assert read((x, np.full(13, 8))).num_elements == 13 * 8


def test_zeros_that_are_elements_are_no_padding():
    generator = np.random.default_rng(1)
    counts = generator.poisson(0.7, (30, 9, 2)).astype(float)
    assert read(counts).num_elements == 30 * 9
    centred = np.zeros((11, 28, 4))
    centred[:, 9:19] = generator.normal(size=(11, 10, 4))
    assert read(centred).num_elements == 11 * 28  # as many zeros at the beginnings
    assert read(generator.normal(size=(5, 7, 2))).num_elements == 35
    one = generator.normal(size=(17, 6, 2))
    one[:, 2] = one[4, -1] = 0
    assert read(one).num_elements == 17 * 6


def test_a_set_of_nothing_but_padding_is_refused_by_its_place():
    x = _padded()[0]
    x[3] = 0
    with pytest.raises(InputError, match="set '3' has rows of 0 alone"):
        read(x)
    with pytest.raises(InputError, match="the mask leaves none in set 3"):
        read((x, (x != 0).any(-1)))
    with pytest.raises(InputError, match="true where an element is real: ~mask"):
        read((_padded()[0], (_padded()[0] == 0).all(-1)))


def test_masked_arrays_and_nested_tensors_say_what_is_real():
    x, sizes = _padded()
    gone = np.broadcast_to((np.arange(8) >= sizes[:, None])[:, :, None], x.shape)
    for given in (np.ma.MaskedArray(x + 1, gone), list(np.ma.MaskedArray(x + 1, gone))):
        store = read(given)
        assert store.sizes.tolist() == sizes.tolist()
        np.testing.assert_array_equal(store.elements(2), (x[2, : sizes[2]] + 1).astype(np.float32))
    partly = np.ma.MaskedArray(x + 1, gone.copy())
    partly[0, 0, 1] = np.ma.masked
    with pytest.raises(InputError, match="NaN"):
        read(partly)
    assert read(partly, reading=Reading(missing="mask")).features == ("x0", "x1", "x2", "x1 (missing)")
    nested = torch.nested.nested_tensor(
        [torch.from_numpy(a[:n]) for a, n in zip(x, sizes, strict=True)], layout=torch.jagged
    )
    assert read(nested).sizes.tolist() == sizes.tolist()
    fitted = SetRegressor("linear").fit(np.ma.MaskedArray(x, gone), sizes)
    np.testing.assert_allclose(fitted.predict((x, sizes)), fitted.predict(nested), rtol=1e-5)


def test_a_column_of_arrays_that_tells_the_set_is_told():
    generator = np.random.default_rng(0)
    batch = [np.column_stack([generator.normal(size=40), np.full(40, n)]) for n in range(7)]
    store = read(batch)
    assert store.features == ("x0", "x1")
    assert store.description.notes[0].startswith("feature 'x1' may tell the sets apart: it never changes within a set")
