"""Folds: every set is tested once a repeat, groups stay whole, classes spread; labels dealt out anew."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise._checks import InputError
from setwise.store.folds import count_permutations, plan_folds, shuffled


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 61), st.integers(2, 7), st.integers(1, 3), st.booleans(), st.booleans(), st.integers(0, 2**31))
def test_every_set_is_tested_once(num_sets, folds, repeats, grouped, stratified, seed):
    draw = np.random.default_rng(seed)
    groups = np.array([f"g{i // 2}" for i in range(num_sets)]) if grouped else None
    classes = np.array(["a", "b", "b", "a"] * 16)[:num_sets] if stratified else None
    planned = plan_folds(
        num_sets, folds=folds, repeats=repeats, groups=groups, classes=classes, seed=int(draw.integers(99))
    )
    for repeat in range(repeats):
        own = [fold.split for fold in planned if fold.repeat == repeat]
        assert sorted(np.concatenate([split.test for split in own])) == list(range(num_sets))
        for split in own:
            parts = [split.train, split.validation, split.test]
            assert sorted(np.concatenate(parts)) == list(range(num_sets))
            if groups is not None:
                named = [set(groups[part]) for part in parts]
                assert not (named[0] & named[1])
                assert not (named[0] & named[2])
                assert not (named[1] & named[2])
            if classes is not None:
                assert set(classes[split.train]) == set(classes)
    assert len({fold.seed for fold in planned}) == len(planned)


def test_folds_are_stratified_and_repeats_differ():
    classes = np.array(["rare"] * 10 + ["common"] * 90)
    planned = plan_folds(100, folds=5, repeats=2, classes=classes)
    assert all((classes[fold.split.test] == "rare").sum() == 2 for fold in planned)
    assert planned[0].split.test.tolist() != planned[5].split.test.tolist()
    again = plan_folds(100, folds=5, repeats=2, classes=classes)
    assert all(a.split.to_dict() == b.split.to_dict() and a.seed == b.seed for a, b in zip(planned, again, strict=True))


def test_few_sets():
    """4 + 4 sets paired by patient: four folds of one patient each; 5 of three classes: as many folds as the rarest."""
    patients = np.array(["p1", "p2", "p3", "p4"] * 2)
    planned = plan_folds(8, folds=10, groups=patients, classes=np.array(["ref"] * 4 + ["stim"] * 4))
    assert len(planned) == 4
    assert all(len(set(patients[fold.split.test])) == 1 for fold in planned)
    assert len(plan_folds(15, folds=10, classes=np.repeat(["a", "b", "c"], 5))) == 5


def test_refusals():
    with pytest.raises(InputError, match=r"two folds"):
        plan_folds(8, folds=1)
    with pytest.raises(InputError, match=r"'odd' has 1"):
        plan_folds(8, classes=np.array(["even"] * 7 + ["odd"]))
    with pytest.raises(InputError, match=r"two groups"):
        plan_folds(8, groups=np.array(["one"] * 8))


def test_labels_are_dealt_out_within_or_between_groups():
    patients = np.repeat(["p1", "p2", "p3", "p4", "p5"], 2)
    paired = np.array(["ref", "stim"] * 5)
    dealt = shuffled(paired, patients, seed=3)
    assert all(sorted(dealt[patients == p]) == ["ref", "stim"] for p in set(patients))
    assert dealt.tolist() != paired.tolist()
    of_patient = np.repeat(["sick", "well", "sick", "well", "well"], 2)
    dealt = shuffled(of_patient, patients, seed=0)
    assert all(len(set(dealt[patients == p])) == 1 for p in set(patients))
    assert sorted(dealt) == sorted(of_patient)
    numbers = shuffled(np.arange(20.0).reshape(10, 2), None, seed=0)
    assert sorted(numbers[:, 0]) == list(range(0, 20, 2))
    assert (numbers[:, 1] - numbers[:, 0] == 1).all()


def test_permutations_are_counted():
    patients = np.array(["p1", "p2", "p3", "p4"] * 2)
    labels = np.array(["ref"] * 4 + ["stim"] * 4)
    assert count_permutations(labels, patients) == 2**4
    assert count_permutations(labels, None) == math.comb(8, 4)
    assert count_permutations(np.repeat(["a", "b"], 4), patients[[0, 0, 1, 1, 2, 2, 3, 3]]) == math.comb(4, 2)
    assert count_permutations(np.repeat(["a", "b", "c"], 5), None) == math.factorial(15) // math.factorial(5) ** 3
