"""Splits: whole groups, wanted shares, equal classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise._checks import InputError
from setwise.store.splits import Split, split_sets


def check_parts(split, num_sets):
    rows = np.concatenate([split.train, split.validation, split.test])
    assert sorted(rows.tolist()) == list(range(num_sets))
    for part in (split.train, split.validation, split.test):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


@given(num_sets=st.integers(3, 200), seed=st.integers(0, 1000), share=st.sampled_from([0.1, 0.15, 0.3]))
@settings(max_examples=50, deadline=None)
def test_sets_alone(num_sets, seed, share):
    split = split_sets(num_sets, validation=share, test=0.2, seed=seed)
    check_parts(split, num_sets)
    assert abs(len(split.validation) - share * num_sets) <= 1
    assert abs(len(split.test) - 0.2 * num_sets) <= 1
    assert min(map(len, (split.train, split.validation, split.test))) >= 1


@given(data=st.data(), num_sets=st.integers(3, 60), seed=st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_groups_stay_together(data, num_sets, seed):
    groups = data.draw(st.lists(st.integers(0, 12), min_size=num_sets, max_size=num_sets))
    classes = data.draw(st.lists(st.sampled_from("abc"), min_size=num_sets, max_size=num_sets))
    if len(set(groups)) < 3:
        with pytest.raises(InputError, match="at least 3"):
            split_sets(num_sets, groups=groups)
        return
    split = split_sets(num_sets, groups=groups, stratify=classes, seed=seed)
    check_parts(split, num_sets)
    sides = [{groups[row] for row in part} for part in (split.train, split.validation, split.test)]
    assert all(sides)
    assert sum(map(len, sides)) == len(set(groups))


def test_classes_have_equal_shares():
    classes = np.array(["rare"] * 20 + ["often"] * 180)
    for seed in range(5):
        split = split_sets(200, stratify=classes, seed=seed)
        for part, rare in ((split.train, 13), (split.validation, 3), (split.test, 4)):
            assert abs((classes[part] == "rare").sum() - rare) <= 1
            assert abs(len(part) - 10 * rare) <= 1


def test_many_small_classes_do_not_empty_a_part():
    split = split_sets(90, stratify=np.repeat(np.arange(30), 3))
    assert abs(len(split.validation) - 13.5) <= 3
    assert abs(len(split.test) - 18) <= 3


def test_the_seed_decides():
    first, again, other = (split_sets(101, seed=seed).to_dict() for seed in (3, 3, 5))
    assert first == again
    assert first != other
    assert Split.from_dict(first).to_dict() == first


@pytest.mark.parametrize("num_sets", [3, 5, 8])
def test_few_sets(num_sets):
    split = split_sets(num_sets, stratify=np.arange(num_sets) % 2)
    check_parts(split, num_sets)
    assert len(split.train) >= len(split.test) >= len(split.validation) >= 1


def test_no_validation_no_test():
    split = split_sets(2, validation=0)
    assert [len(split.train), len(split.validation), len(split.test)] == [1, 0, 1]
    assert len(split_sets(1, validation=0, test=0).train) == 1
    with pytest.raises(InputError, match="at least 3 sets"):
        split_sets(2)


def test_a_given_split():
    words = ["train", "test", "train", "validation", "train"]
    split = split_sets(5, given=words)
    assert split.to_dict() == {"train": [0, 2, 4], "validation": [3], "test": [1]}
    drawn = split_sets(11, given=["train"] * 7 + ["test"] * 4, validation=0.3)
    assert drawn.test.tolist() == [7, 8, 9, 10]
    assert len(drawn.validation) == 2
    assert len(split_sets(11, given=["train"] * 7 + ["test"] * 4, validation=0).validation) == 0


def test_a_given_split_that_divides_a_group_is_refused():
    with pytest.raises(InputError, match="group 'p2' is in train and test"):
        split_sets(4, given=["train", "train", "test", "test"], groups=["p1", "p2", "p2", "p3"])
    fine = split_sets(4, given=["train", "train", "test", "test"], groups=["p1", "p2", "p3", "p3"])
    assert fine.test.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"given": ["train", "dev", "test"]}, "set 1 has 'dev'"),
        ({"given": ["train", None, "test"]}, "set 1 has None"),
        ({"given": ["test"] * 3}, "names no training set"),
        ({"given": ["train"]}, "one word for each of the 3 sets"),
        ({"groups": [1, 2]}, "one value for each of the 3 sets"),
        ({"groups": ["a", None, "b"]}, "that of set 1 is missing"),
        ({"stratify": [1.0, float("nan"), 2.0]}, "that of set 1 is missing"),
        ({"test": 1.0}, "add up to less than 1"),
        ({"validation": -0.1}, "shares from 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        split_sets(3, **arguments)
