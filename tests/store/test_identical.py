"""The same elements under two names."""

import numpy as np
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.identical import check_not_split, identical_sets
from setwise.store.inspect import summarise
from setwise.store.splits import Split


def _store():
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(n, 3)) for n in (101, 103, 101, 7, 7)]
    sets += [sets[0].copy(), sets[3].copy(), np.concatenate([sets[1][:1], rng.normal(size=(102, 3))])]
    return read(sets)


def test_copies_are_found_and_small_sets_left_alone():
    assert identical_sets(_store()) == [[0, 5]]
    few = np.random.default_rng(0).integers(0, 9, (211, 3))
    assert identical_sets(read([few, few.copy(), few[:31] / 7, np.arange(51.0)[:, None] * [1, 2, 3]])) == []
    many = np.random.default_rng(0).normal(size=(17, 3))
    assert identical_sets(read([many, few[:17], many.copy()])) == [[0, 2]]
    assert any("'0', '5' hold the same 101 elements" in problem for problem in summarise(_store()).problems)


def test_copies_may_not_be_on_two_sides():
    rows = np.arange
    check_not_split(_store(), Split(rows(0, 6), rows(6, 7), rows(7, 8)))
    check_not_split(_store(), Split(rows(0, 4), rows(4, 5), rows(6, 8)))
    with pytest.raises(InputError, match=r"'0' in train, '5' in test.*--group"):
        check_not_split(_store(), Split(rows(0, 3), rows(3, 5), rows(5, 8)))
