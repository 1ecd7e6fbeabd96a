"""Real data sets are read, divided as their protocols say, and no group is on two sides."""

from collections import Counter

import numpy as np
import pytest

from accuracy.catalogue import DATASETS, chosen_data
from accuracy.entrant import Exercise
from accuracy.protocols import column, folds_of_groups, given_folds, given_split, leaving_one_out
from accuracy.standings import lower_is_better
from setwise import read
from setwise._checks import InputError

_SIZES = {"musk1": 92, "elephant": 200, "fox": 200, "mutagenesis_easy": 188, "mutagenesis_hard": 42, "birds": 548}
_SIZES |= {"covid": 20, "itn": 15, "dapg": 10, "radhar": 1853, "japanese_vowels": 640, "cell_shapes": 648}
_SIZES |= {"enzymes": 600, "corel2000": 2000, "protein_trx": 193, "diabetes_imc": 120, "lidar_objects": 499}
_SIZES |= {"esol_atoms": 1128, "spoken_digits": 3000, "spoken_digits_split": 3000}
_SIZES |= {"emg_gestures": 14581, "emg_gestures_split": 14581}
_FOLDS = {"japanese_vowels": 1, "radhar": 1, "corel2000": 1, "spoken_digits_split": 1, "emg_gestures_split": 1}
_FOLDS |= {"birds": 5, "covid": 4, "itn": 5, "diabetes_imc": 4, "spoken_digits": 6, "emg_gestures": 2}


def test_twenty_data_sets_count_and_each_says_what_it_is():
    assert sum(dataset.counts for dataset in DATASETS) == 20
    assert {dataset.name for dataset in DATASETS} == set(_SIZES)
    for dataset in DATASETS:
        assert dataset.source.endswith(".")
        assert dataset.evaluation
        assert dataset.goal is None or lower_is_better(dataset.score) or 0 < dataset.goal < 1


@pytest.mark.parametrize("name", _SIZES)
def test_a_data_set_is_read_and_divided(name, real_data):
    (dataset,) = chosen_data([name])
    if not (real_data / dataset.file).exists():
        pytest.skip(f"{dataset.file} is not beside the project")
    store = dataset.read(real_data)
    assert len(store) == _SIZES[name]
    for repeat in {0, dataset.repeats - 1}:
        folds = dataset.folds(store, repeat)
        assert len(folds) == _FOLDS.get(name, 10)
        tested = np.concatenate([fold.test for fold in folds])
        assert len(set(tested.tolist())) == len(tested)
        assert len(tested) == len(store) or len(folds) == 1
        for fold, same in zip(folds, dataset.folds(store, repeat), strict=True):
            assert np.array_equal(fold.test, same.test)
            assert sorted([*fold.train, *fold.test]) == list(range(len(store)))
            if dataset.group is not None:
                owners = column(store, dataset.group)
                assert not set(owners[fold.train]) & set(owners[fold.test])
    first = dataset.folds(store, 0)[0]
    exercise = Exercise(dataset, store, first, 0)
    assert sorted([*exercise.split.train, *exercise.split.validation]) == first.train.tolist()
    assert (len(exercise.split.validation) > 0) == (len(first.train) >= 1000)
    known = {"rmse", *exercise.problem.objective.metrics}
    assert set(dataset.metrics) <= known
    own = {metric for metric in dataset.metrics if metric != "rmse"}
    assert {m for m in own if exercise.problem.objective.metric(m).lower} == {m for m in own if lower_is_better(m)}


def test_what_is_said_of_the_sites_is_so(real_data):
    (itn,) = chosen_data(["itn"])
    store = itn.read(real_data)
    groups, sites = column(store, "target"), column(store, "site")
    right = sum(Counter(groups[sites == site]).most_common(1)[0][1] for site in set(sites))
    assert f"{right} of {len(store)} patients" in itn.note


def _store():
    sets = {"target": list("ababab"), "donor": list("xyzxyz"), "fold": [0, 1, 2, 2, 1, 0]}
    sets["half2"] = ["train", "test", "train", "test", "train", "train"]
    return read([np.full((2, 3), float(i)) for i in range(6)], sets=sets)


def test_protocols_follow_columns():
    store = _store()
    assert [fold.test.tolist() for fold in given_folds("fold")(store, 0)] == [[0, 5], [1, 4], [2, 3]]
    assert [fold.test.tolist() for fold in given_split("half{}")(store, 1)] == [[1, 3]]
    assert [fold.test.tolist() for fold in leaving_one_out("donor")(store, 0)] == [[0, 3], [1, 4], [2, 5]]


def test_groups_stay_whole_with_classes_alike():
    sets = {"donor": [i // 2 for i in range(16)], "target": [f"class {i // 2 % 2}" for i in range(16)]}
    store = read([np.full((2, 3), float(i)) for i in range(16)], sets=sets)
    folds = folds_of_groups(4, "donor")(store, 3)
    assert len(folds) == 4
    for fold in folds:
        assert set(column(store, "target")[fold.test]) == {"class 0", "class 1"}
        assert not set(column(store, "donor")[fold.test]) & set(column(store, "donor")[fold.train])


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="musk1"):
        chosen_data(["musk2"])
    assert chosen_data([]) == list(DATASETS)
